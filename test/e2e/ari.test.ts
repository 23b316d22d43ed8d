/**
 * The standing ARI connection to a real Asterisk: Debian's 22 and 16, whatever the other end-to-end tests run on.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type AriConnection, connectAri, type HangupReason, isGone } from '../../src/asterisk/ari-connection.ts';
import type { AriEvent } from '../../src/asterisk/ari-event.ts';
import { systemClock } from '../../src/clock.ts';
import type { AsteriskVersion } from '../../src/demo/asterisk.ts';
import { type Stage, startStage } from '../../src/demo/stage.ts';
import { keptLog } from '../support/silent-log.ts';
import { markedLines } from '../support/stage.ts';
import { startTcpLink, type TcpLink } from '../support/tcp-link.ts';

const dialplan = `
[from-phones]
exten => _X.,1,Stasis(tollgate,\${EXTEN},second)
 same => n,Log(NOTICE,after \${EXTEN} \${STASISSTATUS} \${MARK})
 same => n,Hangup(17)
exten => h,1,Log(NOTICE,ended \${CHANNEL(name)} \${MARK})
[elsewhere]
exten => there,1,Log(NOTICE,after wrong priority)
 same => n,Log(NOTICE,after \${EXTEN} \${CONTEXT} \${MARK})
 same => n,Hangup(21)
 same => n(labelled),Log(NOTICE,after label \${MARK})
 same => n,Hangup(1)
[presser]
exten => s,1,Answer()
 same => n,Wait(0.3)
 same => n,SendDTMF(5#)
 same => n,Wait(5)
[listener]
exten => s,1,Answer()
 same => n,Stasis(tollgate,listens)
 same => n,Hangup()
`;

describe.each<AsteriskVersion>([22, 16])('on Asterisk %i', (version) => {
  let stage: Stage;
  let link: TcpLink;
  let connection: AriConnection;
  let events: AriEvent[] = [];
  const { log, lines } = keptLog();
  const isUp = (up = true) => vi.waitUntil(() => connection.state().up === up, { interval: 5, timeout: 20_000 });
  const eventOf = (type: string, matches: (event: AriEvent) => boolean = () => true) =>
    vi.waitUntil(() => events.find((event) => event.type === type && matches(event)), { interval: 5, timeout: 5_000 });
  const of = (id: string) => (event: AriEvent) => event.channel?.id === id;
  /** A phone's call, held in the application, and what it comes to. */
  const held = async (options: { readonly cancelAfterMs?: number; readonly holdMs?: number } = {}) => {
    events = [];
    const call = stage.placeCall({ destination: '15551234', timeoutMs: 20_000, ...options });
    const { channel, args } = await eventOf('StasisStart');
    if (channel === undefined) throw new Error('StasisStart without a channel');
    return { id: channel.id, channel, args, call };
  };

  beforeAll(async () => {
    stage = await startStage({ env: process.env, version, dialplan });
    link = await startTcpLink(Number(new URL(stage.asterisk.ari.url).port));
  });
  afterAll(async () => {
    await link.stop();
    await stage.stop();
  });
  beforeEach(async () => {
    connection = connectAri({
      ...{ ...stage.asterisk.ari, name: `pbx${version}`, url: `http://127.0.0.1:${link.port}`, app: 'tollgate' },
      ...{ log, clock: systemClock, timings: { retryMaxMs: 500, pingEveryMs: 400 } },
    });
    connection.onEvent((event) => events.push(event));
    await isUp();
  });
  afterEach(() => connection.close());

  it('a held call is described, answers pings for seconds, and goes on after its Stasis()', async () => {
    const { id, channel, args, call } = await held();
    expect(args).toEqual(['15551234', 'second']);
    expect(channel).toEqual({
      ...{ id, name: expect.stringMatching(/^PJSIP\/1001-/), state: 'Ring', language: 'en', variables: {} },
      ...{ callerNumber: '1001', callerName: 'Phone 1001', context: 'from-phones', extension: '15551234', priority: 1 },
    });
    expect(await connection.channel(id)).toEqual(channel);
    expect(await connection.applicationChannels()).toEqual([id]);
    await sleep(1_500);
    expect(connection.state().up).toBe(true);
    const before = await stage.asterisk.log();
    await connection.continueInDialplan(id);
    expect((await call).status).toBe(486);
    expect(await markedLines(stage, 'after', before)).toEqual(['15551234 SUCCESS ']);
    await eventOf('StasisEnd', of(id));
    expect(await connection.channel(id)).toBeUndefined();
    expect(await connection.applicationChannels()).toEqual([]);
  });

  it('a variable of any characters is there before the channel goes on, and an unset one is empty', async () => {
    const { id, call } = await held();
    const before = await stage.asterisk.log();
    const value = 'a b&c=d%20,"e",é;+?#/';
    await connection.setVariable(id, 'MARK', value);
    await connection.continueInDialplan(id);
    await call;
    expect(await markedLines(stage, 'after', before)).toEqual([`15551234 SUCCESS ${value}`]);

    const next = await held();
    expect(await connection.getVariable(next.id, 'MARK')).toBe('');
    await connection.setVariable(next.id, 'MARK', value);
    await vi.waitUntil(async () => (await connection.getVariable(next.id, 'MARK')) === value, 5_000);
    await connection.setVariable(next.id, 'CALLERID(num)', '77');
    await vi.waitUntil(async () => (await connection.getVariable(next.id, 'CALLERID(num)')) === '77', 5_000);
    await connection.hangup(next.id, 'normal');
    await next.call;
    const gone: unknown = await connection.getVariable(next.id, 'MARK').catch((error: unknown) => error);
    expect(isGone(gone)).toBe(true);
  });

  it('a held call goes on at a place of its own, by priority or by label', async () => {
    const before = await stage.asterisk.log();
    const first = await held();
    await connection.continueInDialplan(first.id, { context: 'elsewhere', extension: 'there', priority: 2 });
    expect((await first.call).status).toBe(403);
    const second = await held();
    await connection.continueInDialplan(second.id, { context: 'elsewhere', extension: 'there', label: 'labelled' });
    expect((await second.call).status).toBe(404);
    expect(await markedLines(stage, 'after', before)).toEqual(['there elsewhere ', 'label ']);
  });

  it.each<[HangupReason, number]>([
    ['normal', 603],
    ['busy', 486],
    ['congestion', 503],
    ['rejected', 403],
    ['no_answer', 480],
  ])('a call hung up as %s is refused with %i', async (reason, status) => {
    const { id, call } = await held();
    await connection.hangup(id, reason);
    expect((await call).status).toBe(status);
    expect((await eventOf('ChannelHangupRequest', of(id))).cause).toEqual(expect.any(Number));
  });

  it('an unanswered caller is told to ring, and hears music and sounds as early media', async () => {
    const { id, call } = await held();
    await connection.ring(id);
    await sleep(250);
    await connection.startMusic(id, 'default');
    // Asterisk 16 cannot say before the first packet.
    const packets = () => connection.getVariable(id, 'CHANNEL(rtcp,txcount)').catch(() => '0');
    await vi.waitUntil(async () => Number(await packets()) > 10, 5_000);
    await connection.stopMusic(id);
    await connection.play(id, ['sound:tollgate-limit', 'sound:tollgate-limit'], `play-${id}`, 'en');
    await sleep(300);
    expect((await connection.channel(id))?.state).toBe('Ring');
    await connection.stopPlayback(`play-${id}`);
    expect(await eventOf('PlaybackFinished')).toMatchObject({ playbackId: `play-${id}` });
    await connection.play(id, ['sound:no-such-file'], `none-${id}`);
    await eventOf(
      'PlaybackFinished',
      ({ playbackId, playbackState }) => playbackId === `none-${id}` && playbackState === 'failed',
    );
    await connection.hangup(id, 'busy');
    const { status, progress } = await call;
    expect(status).toBe(486);
    // One for the music and one for each of the sounds.
    expect(progress.map((each) => each.status)).toEqual([180, 183, 183, 183]);
  });

  it('keys pressed on a line that was called are told, and two lines can be bridged', async () => {
    events = [];
    await connection.originate({
      ...{ channelId: `called-${version}`, endpoint: 'Local/s@presser', to: { app: 'tollgate', appArgs: ['a', 'b'] } },
      ...{ callerId: 'Tollgate <100>', timeoutSeconds: 10, variables: { MARK: 'x, "y"', variables: 'z' } },
    });
    const called = await eventOf('StasisStart', of(`called-${version}`));
    expect(called).toMatchObject({ args: ['a', 'b'], channel: { state: 'Up' } });
    expect(await connection.getVariable(`called-${version}`, 'MARK')).toBe('x, "y"');
    expect(await connection.getVariable(`called-${version}`, 'variables')).toBe('z');
    await eventOf('ChannelDtmfReceived', ({ digit }) => digit === '#');
    expect(events.filter(({ type }) => type === 'ChannelDtmfReceived').map(({ digit }) => digit)).toEqual(['5', '#']);

    const { id, call } = await held({ holdMs: 10_000 });
    await connection.answer(id);
    const bridge = `bridge-${id}`;
    await connection.createBridge('mixing', bridge);
    await connection.addToBridge(bridge, `called-${version}`);
    await connection.addToBridge(bridge, id);
    await vi.waitUntil(() => events.filter(({ type }) => type === 'ChannelEnteredBridge').length === 2, 5_000);
    await connection.removeFromBridge(bridge, id);
    await eventOf('ChannelLeftBridge', of(id));
    await connection.destroyBridge(bridge);
    await connection.hangup(`called-${version}`, 'normal');
    await connection.hangup(id, 'normal');
    expect((await call).status).toBe(200);
    await expect(connection.addToBridge(bridge, id)).rejects.toSatisfy(isGone);
  });

  it('a call originated to a place in the dialplan goes there, and one to nobody is refused', async () => {
    events = [];
    const made = await connection.originate({
      ...{ channelId: `listener-${version}`, endpoint: 'Local/s@listener', to: { context: 'presser', extension: 's' } },
    });
    expect(made.id).toBe(`listener-${version}`);
    const { channel } = await eventOf('StasisStart', ({ args }) => args[0] === 'listens');
    await connection.hangup(channel?.id ?? '', 'normal');
    await expect(
      connection.originate({ channelId: 'nobody', endpoint: 'PJSIP/nobody', to: { app: 'tollgate' } }),
    ).rejects.toMatchObject({ code: 'ARI_REFUSED' });
  });

  it('a request for a channel that is gone, or not in the application, is refused with its status', async () => {
    await expect(connection.continueInDialplan('gone')).rejects.toSatisfy(isGone);
    const { id, call } = await held({ cancelAfterMs: 300 });
    expect((await call).status).toBe(487);
    await eventOf('StasisEnd', of(id));
    await expect(connection.continueInDialplan(id)).rejects.toSatisfy(isGone);
  });

  it('four hundred requests at once are all answered', async () => {
    const { id, call } = await held();
    const all = await Promise.all(Array.from({ length: 400 }, () => connection.channel(id)));
    expect(new Set(all.map((each) => each?.id))).toEqual(new Set([id]));
    await connection.hangup(id, 'busy');
    await call;
  });

  it('after the network was cut the held calls are found again, and go on', async () => {
    const { id, call } = await held();
    link.cut();
    await isUp(false);
    await expect(connection.answer(id)).rejects.toMatchObject({ code: 'ARI_UNAVAILABLE' });
    await sleep(1_000);
    link.mend();
    await isUp();
    expect(await connection.applicationChannels()).toEqual([id]);
    await connection.continueInDialplan(id);
    expect((await call).status).toBe(486);
  });

  it('a network that falls silent is noticed, and the held calls are found again', async () => {
    const { id, call } = await held();
    link.silence();
    await isUp(false);
    expect(connection.state().problem).toContain('silent');
    await isUp();
    expect(await connection.applicationChannels()).toEqual([id]);
    const later = await held();
    for (const each of [id, later.id]) await connection.hangup(each, 'busy');
    expect([(await call).status, (await later.call).status]).toEqual([486, 486]);
  });

  it('another program with the same application is noticed and not fought', async () => {
    const thief = connectAri({ ...stage.asterisk.ari, name: 'thief', app: 'tollgate', log, clock: systemClock });
    await isUp(false);
    expect(connection.state().problem).toContain('another program has taken over the application tollgate');
    await sleep(1_500);
    expect(thief.state().up).toBe(true);
    await thief.close();
  });

  it('a wrong password is said as such', async () => {
    const wrong = { ...stage.asterisk.ari, name: 'wrong', app: 'wrong', log, clock: systemClock, password: 'wrong' };
    const refused = connectAri(wrong);
    await vi.waitUntil(() => refused.state().problem.includes('password is not accepted'), 5_000);
    await refused.close();
  });

  it('a killed Asterisk is found again once it is back, and has the application', async () => {
    const restarted = stage.asterisk.restart();
    await isUp(false);
    await restarted;
    await isUp();
    const { id, call } = await held();
    expect(await connection.applicationChannels()).toEqual([id]);
    await connection.hangup(id, 'busy');
    expect((await call).status).toBe(486);
  });

  it('an orderly stop is an outage like any other', async () => {
    const before = lines.length;
    await stage.asterisk.cli('core stop now').catch(() => undefined);
    await isUp(false);
    await stage.asterisk.restart();
    await isUp();
    const { id, call } = await held();
    await connection.hangup(id, 'busy');
    expect((await call).status).toBe(486);
    expect(JSON.stringify(lines.slice(before))).not.toContain(stage.asterisk.ari.password);
  });
});
