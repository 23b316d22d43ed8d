/**
 * The standing AMI connection to a real Asterisk: Debian's 22 and 16, whatever the other end-to-end tests run on.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type AmiConnection, connectAmi } from '../../src/asterisk/ami-connection.ts';
import { readEndpoints } from '../../src/bans/asterisk-endpoints.ts';
import { systemClock } from '../../src/clock.ts';
import { type Asterisk, type AsteriskVersion, startAsterisk } from '../../src/demo/asterisk.ts';
import { keptLog } from '../support/silent-log.ts';

const dialplan = `
[from-phones]
exten => short,1,Answer()
 same => n,Wait(0.2)
 same => n,Hangup(17)
exten => many,1,UserEvent(Flood,Number: \${N})
 same => n,Set(N=$[\${N} + 1])
 same => n,GotoIf($[\${N} < 5000]?1)
 same => n,UserEvent(FloodEnd)
`;

/** Adds to every event of a channel one `ChanVariable` for each of these. */
const channelVariables = '[general](+)\nchannelvars = ONE,TWO\n';

describe.each<AsteriskVersion>([22, 16])('on Asterisk %i', (version) => {
  let asterisk: Asterisk;
  let connection: AmiConnection;
  const { log, lines } = keptLog();
  const isUp = () => vi.waitUntil(() => connection.state().up, { interval: 5, timeout: 20_000 });

  beforeAll(async () => {
    asterisk = await startAsterisk({
      env: process.env,
      version,
      carriers: {},
      dialplan,
      files: { 'manager.conf': channelVariables },
    });
    connection = connectAmi({ name: `pbx${version}`, ...asterisk.ami, log, clock: systemClock });
    await isUp();
  });
  afterAll(async () => {
    await connection.close();
    await asterisk.stop();
  });

  it('actions are answered: a ping, the output of a command, a value of a thousand bytes', async () => {
    expect((await connection.action('Ping')).get('Ping')).toBe('Pong');
    const uptime = await connection.action('Command', { Command: 'core show version' });
    expect(uptime.all('Output').join('\n')).toContain(`Asterisk ${version}.`);
    const longest = 'x'.repeat(1_000 - 'Value: '.length);
    await connection.action('Setvar', { Variable: 'LONG', Value: longest });
    expect((await connection.action('Getvar', { Variable: 'LONG' })).get('Value')).toBe(longest);
  });

  it('a refusal carries Asterisk’s sentence, that of a command too', async () => {
    await expect(connection.action('Nonsense')).rejects.toMatchObject({
      code: 'AMI_REFUSED',
      message: expect.stringContaining('Invalid/unknown command: Nonsense'),
    });
    await expect(connection.action('Command', { Command: 'no such thing' })).rejects.toMatchObject({
      code: 'AMI_REFUSED',
      message: expect.stringContaining("No such command 'no such thing'"),
    });
    await expect(connection.list('PJSIPShowContacts')).rejects.toMatchObject({
      code: 'AMI_REFUSED',
      message: `Asterisk pbx${version} refused PJSIPShowContacts: No Contacts found`,
    });
  });

  it('its phones are there to choose from, registered or not', async () => {
    const endpoints = (await readEndpoints(connection)).toSorted((a, b) => (a.name < b.name ? -1 : 1));
    expect(endpoints.map(({ name, kind, technology }) => [name, kind, technology])).toEqual([
      ['1001', 'extension', 'PJSIP'],
      ['1002', 'extension', 'PJSIP'],
      ['1003', 'extension', 'PJSIP'],
    ]);
    expect(endpoints[0]).toMatchObject({ hosts: [], state: 'Unavailable', asterisk: `pbx${version}` });
  });

  it('a call is seen in the list of channels, and its end as an event with its cause', async () => {
    expect(await connection.list('CoreShowChannels')).toEqual([]);
    const ends: string[] = [];
    const variables = new Set<string>();
    const end = connection.onEvent(['Hangup'], (event) => {
      ends.push(`${event.get('Channel')} ${event.get('Cause')}`);
      variables.add(event.all('ChanVariable').join(' '));
    });
    await connection.action('Originate', {
      Channel: 'Local/short@from-phones',
      Variable: '_ONE=1,_TWO=2=2',
      Application: 'Wait',
      Data: '5',
      Async: 'true',
    });
    await expect.poll(() => connection.list('CoreShowChannels')).toHaveLength(2);
    await expect.poll(() => ends.some((text) => /^Local\/short@from-phones-[0-9a-f]+;2 17$/.test(text))).toBe(true);
    await expect.poll(() => connection.list('CoreShowChannels')).toEqual([]);
    expect([...variables]).toEqual(['ONE=1 TWO=2=2']);
    end();
  });

  it('five thousand events as fast as Asterisk raises them arrive whole and in order', async () => {
    const numbers: string[] = [];
    const ends: string[] = [];
    connection.onEvent(['UserEvent'], (event) => {
      if (event.get('UserEvent') === 'FloodEnd') ends.push(event.name);
      else numbers.push(event.get('Number'));
    });
    await connection.action('Originate', {
      Channel: 'Local/many@from-phones',
      Variable: '_N=0',
      Application: 'Wait',
      Data: '1',
      Async: 'true',
    });
    await expect.poll(() => ends.length, { timeout: 60_000 }).toBe(1);
    expect(numbers).toEqual(Array.from({ length: 5_000 }, (_, index) => String(index)));
  });

  it('an answer that was there in time counts, even if this process did not look for a while', async () => {
    const answer = connection.action('Ping', {}, { withinMs: 100 });
    // Sent first; then nothing is read, and no timer looked at, until long after the time is over.
    await new Promise(setImmediate);
    const until = performance.now() + 400;
    while (performance.now() < until);
    expect((await answer).get('Ping')).toBe('Pong');
  });

  it('an Asterisk that is killed is noticed at once, and reconnected to soon after it is back', async () => {
    const changes: { readonly up: boolean; readonly atMs: number }[] = [];
    connection.onState((up) => changes.push({ up, atMs: performance.now() }));
    const flight = connection.action('Originate', {
      Channel: 'Local/short@from-phones',
      Application: 'Wait',
      Data: '5',
      Timeout: '60000',
    });
    flight.catch(() => undefined);
    await connection.list('CoreShowChannels');
    const killedAtMs = performance.now();
    process.kill(asterisk.pid(), 'SIGKILL');
    await expect.poll(() => changes.length, { interval: 5 }).toBe(1);
    expect((changes[0]?.atMs ?? 0) - killedAtMs).toBeLessThan(2_000);
    await expect(connection.action('Ping')).rejects.toMatchObject({ code: 'AMI_UNAVAILABLE' });
    await sleep(1_000);
    expect(connection.state().problem).toContain('cannot be reached: connect ECONNREFUSED');
    await asterisk.restart();
    await isUp();
    expect((await connection.action('Ping')).get('Ping')).toBe('Pong');
    expect(changes.map(({ up }) => up)).toEqual([false, true]);
  });

  it('a wrong password and an unknown user are told apart from an outage', async () => {
    for (const account of [{ password: 'wrong' }, { username: 'nobody' }]) {
      const stranger = connectAmi({ name: 'pbx', ...asterisk.ami, ...account, log, clock: systemClock });
      try {
        const { username } = { ...asterisk.ami, ...account };
        await expect
          .poll(() => stranger.state().problem, { timeout: 5_000 })
          .toBe(`Asterisk pbx refuses the manager user ${username}: Authentication failed`);
      } finally {
        await stranger.close();
      }
    }
  });

  it('only the event classes that are asked for arrive', async () => {
    const only = connectAmi({ name: 'pbx', ...asterisk.ami, events: 'security', log, clock: systemClock });
    try {
      await expect.poll(() => only.state().up).toBe(true);
      const seen = new Set<string>();
      const names = ['SuccessfulAuth', 'Hangup', 'Newchannel', 'Newexten', 'VarSet'];
      const everything = new Set<string>();
      only.onEvent(names, (event) => seen.add(event.name));
      connection.onEvent(names, (event) => everything.add(event.name));
      await connection.action('Originate', { Channel: 'Local/short@from-phones', Application: 'Wait', Data: '1' });
      await expect.poll(() => everything.has('Hangup'), { timeout: 10_000 }).toBe(true);
      const other = connectAmi({ name: 'pbx', ...asterisk.ami, log, clock: systemClock });
      await expect.poll(() => [...seen], { timeout: 5_000 }).toEqual(['SuccessfulAuth']);
      await other.close();
    } finally {
      await only.close();
    }
  });

  it('no line of the log holds the password, and no listener failed', () => {
    expect(JSON.stringify(lines)).not.toContain(asterisk.ami.password);
    expect(lines.filter((line) => line['level'] === 'error')).toEqual([]);
  });
});
