/** Hanging up over the manager interface: on the Asterisk that has the channel, and what is said where one may not. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type AmiConnection, connectAmi } from '../../src/asterisk/ami-connection.ts';
import { systemClock } from '../../src/clock.ts';
import { channelControl } from '../../src/live-calls/channel-watch.ts';
import { type FakeAmi, type FakeAmiBehaviour, startFakeAmi } from '../support/fake-ami.ts';
import { keptLog } from '../support/silent-log.ts';

const { log } = keptLog();
let boxes: FakeAmi[];
let connections: AmiConnection[];

beforeEach(() => {
  [boxes, connections] = [[], []];
});
afterEach(async () => {
  for (const each of connections) await each.close();
  for (const each of boxes) await each.close();
});

async function connectTo(answer: FakeAmiBehaviour['answer']): Promise<FakeAmi> {
  const box = await startFakeAmi({ answer });
  boxes.push(box);
  const { host, port } = box;
  const name = `pbx${boxes.length}`;
  const connection = connectAmi({ name, host, port, username: 'tollgate', password: 'x', log, clock: systemClock });
  connections.push(connection);
  await expect.poll(() => connection.state().up, { timeout: 10_000 }).toBe(true);
  return box;
}

/** A box on which one channel exists. */
const boxWith =
  (uniqueId: string, linkedId: string): FakeAmiBehaviour['answer'] =>
  (action) => {
    const id = `ActionID: ${action.get('actionid')}`;
    if (action.get('channel') !== uniqueId) return ['Response: Error', 'Message: No such channel'];
    if (action.get('action') === 'Hangup') return ['Response: Success', 'Message: Channel Hungup'];
    const event = ['', 'Event: Status', id, `Uniqueid: ${uniqueId}`, `Linkedid: ${linkedId}`];
    return ['Response: Success', 'EventList: start', ...event, '', 'Event: StatusComplete', id, 'EventList: Complete'];
  };
const hungUp = ({ actions }: FakeAmi): number => actions.filter((each) => each.get('action') === 'Hangup').length;

test('of two Asterisks with a channel of the same unique id, the one is told whose call it is', async () => {
  const [one, other] = [await connectTo(boxWith('17.5', '17.5')), await connectTo(boxWith('17.5', '17.1'))];
  const control = channelControl(connections);
  await control?.hangUp('17.5', '17.1');
  expect([hungUp(one), hungUp(other)]).toEqual([0, 1]);
  await expect(control?.hangUp('17.5', '17.3')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  expect([hungUp(one), hungUp(other)]).toEqual([0, 1]);
});

test('a manager user that may not end calls is named, with what it needs', async () => {
  await connectTo(() => ['Response: Error', 'Message: Permission denied']);
  await expect(channelControl(connections)?.hangUp('17.5')).rejects.toMatchObject({
    code: 'AMI_REFUSED',
    message: expect.stringMatching(/pbx1 does not let Tollgate end calls: .*write = call .* manager\.conf/),
  });
});

test('a channel that may be on an Asterisk that is away is not said to be over', async () => {
  await connectTo(boxWith('17.5', '17.5'));
  const away = await connectTo(boxWith('18.1', '18.1'));
  await away.close();
  await expect.poll(() => connections[1]?.state().up, { timeout: 10_000 }).toBe(false);
  await expect(channelControl(connections)?.hangUp('18.1', '18.1')).rejects.toMatchObject({ code: 'AMI_UNAVAILABLE' });
});
