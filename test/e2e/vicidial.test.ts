/**
 * dialplan/vicidial.conf on real Asterisks: calls are originated over AMI as VICIdial originates them, and the entry of the
 * carrier stands where VICIdial generates it. The daemon is told what to answer.
 */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type AmiConnection, connectAmi } from '../../src/asterisk/ami-connection.ts';
import { systemClock } from '../../src/clock.ts';
import type { AsteriskVersion } from '../../src/demo/asterisk.ts';
import { freeUdpPort } from '../../src/demo/child.ts';
import type { Stage } from '../../src/demo/stage.ts';
import { keptLog } from '../support/silent-log.ts';
import { markedLines, startTestStage } from '../support/stage.ts';
import { type StubAgiServer, startStubAgiServer } from '../support/stub-agi-server.ts';

/** What VICIdial has around the entry: its own `h`, the conference of an agent, and the extension that answered calls go to. */
const dialplan = `
[from-phones]
exten => _5X.,1,Set(CALLERID(name)=V112010300\${TOLLGATE_TEST_LEAD})
 same => n,Goto(default,9\${EXTEN:1},1)
; A phone that diverts: Asterisk makes a Local channel for it.
exten => _6X.,1,Set(CALLERID(name)=M112010300\${TOLLGATE_TEST_LEAD})
 same => n,Set(__FORWARDERNAME=PJSIP/1002-0000002a)
 same => n,Dial(Local/9\${EXTEN:1}@default/n)
[from-carriers]
exten => _X.,1,Hangup(1)
[default]
include => vicidial-auto
exten => _8600XXX,1,Answer()
 same => n,Wait(20)
exten => 8368,1,Wait(20)
exten => _7X.,1,Dial(IAX2/ASTloop:secret@127.0.0.1:\${TOLLGATE_TEST_IAX}/9\${EXTEN:1}@default,,o)
exten => h,1,Log(NOTICE,h-ran DIALSTATUS=\${DIALSTATUS} HANGUPCAUSE=\${HANGUPCAUSE} CONTEXT=\${CONTEXT} CHANNEL=\${CHANNEL(name):0:5}\${CHANNEL(name):-2})
[vicidial-auto]
include => vicidial-auto-external
[vicidial-auto-external]
; Instead of call_log, which sets the campaign of V and M calls.
exten => _9X.,1,ExecIf($["\${CALLERID(name):0:1}" = "V" | "\${CALLERID(name):0:1}" = "M"]?Set(_CAMPCUST=SALES))
exten => _9X.,n,Gosub(tollgate-vicidial,gate,1(\${EXTEN:1},carrier-a))
exten => _9X.,n,Dial(PJSIP/\${EXTEN:1}@carrier-a,\${CAMPDTO},To)
exten => _9X.,n,Hangup()
`;
const LEAD = '0000004711';
/** As VICIdial makes them: the day, the time of day, the lead. */
const CODES = {
  V: `V112010300${LEAD}`,
  M: `M112010300${LEAD}`,
  Y: `Y112010300${LEAD}`,
  T: `T112010300${LEAD}`,
  DC: `DC123456W${LEAD}W`,
  DV: `DV123456W${LEAD}W`,
} as const;

describe.each<AsteriskVersion>([22, 16])('the calls of VICIdial on Asterisk %i', (version) => {
  let stage: Stage;
  let agi: StubAgiServer;
  let ami: AmiConnection;
  let logBefore = '';
  let numbers = 1000;

  const fresh = () => {
    numbers += 1;
    return `1555${numbers}`;
  };
  const lines = (mark: string) => markedLines(stage, mark, logBefore);
  const logSince = async () => (await stage.asterisk.log()).slice(logBefore.length);
  const verdict = (name: string, more: Readonly<Record<string, string>> = {}) =>
    agi.behave({ kind: 'set', variables: { TOLLGATE_VERDICT: name, TOLLGATE_REASON: 'told so by a test', ...more } });
  const originate = (channel: string, exten: string, name: string) =>
    ami.action('Originate', {
      Channel: channel,
      Context: 'default',
      Exten: exten,
      Priority: '1',
      CallerID: `"${name}" <3125550100>`,
      Timeout: '20000',
      Async: 'true',
    });
  /** A predictive call; what AGI was told of it. */
  const predictive = (to: string, code: string = CODES.V) => originate(`Local/9${to}@default`, '8368', code);
  const byAgent = (to: string, code: string) => originate('Local/8600051@default', `9${to}`, code);
  const askedFor = (to: string) =>
    vi.waitUntil(() => agi.requests.find(({ args }) => args[0] === to), { interval: 20, timeout: 10_000 });
  /** Extension, campaign and kind, as the daemon was told. */
  const identityOf = async (to: string) => {
    const { args } = await askedFor(to);
    return { extension: args[2], campaign: args[4], kind: args[9] };
  };
  const arrivals = async (to: string) =>
    (await stage.carrier('carrier-a').calls()).filter(({ destination }) => destination === to);
  const arrived = (to: string) =>
    vi.waitUntil(async () => (await arrivals(to)).length > 0, { interval: 20, timeout: 10_000 });
  /** Of the channel that the entry ran on. */
  const hRan = async (half: '2' | '1') => {
    const ran = () => lines('h-ran').then((all) => all.filter((line) => line.endsWith(`CHANNEL=Local;${half}`)));
    await vi.waitUntil(async () => (await ran()).length > 0, { interval: 20, timeout: 10_000 });
    await new Promise((resolve) => setTimeout(resolve, 150));
    return ran();
  };

  beforeAll(async () => {
    agi = await startStubAgiServer();
    const iax = await freeUdpPort();
    const ours = await readFile(new URL('../../dialplan/vicidial.conf', import.meta.url), 'utf8');
    stage = await startTestStage({
      version,
      dialplan: `${ours}\n${dialplan}`,
      globals: { TOLLGATE_AGI: agi.url, TOLLGATE_TEST_IAX: String(iax), TOLLGATE_TEST_LEAD: LEAD },
      modules: ['chan_iax2'],
      files: {
        'iax.conf': `[general]\nbindport=${iax}\nbindaddr=127.0.0.1\ndisallow=all\nallow=ulaw\n[ASTloop]\ntype=friend\nauth=md5,plaintext\nsecret=secret\nusername=ASTloop\nhost=dynamic\ncontext=default\nrequirecalltoken=no\n`,
      },
    });
    ami = connectAmi({ name: 'dialler', ...stage.asterisk.ami, log: keptLog().log, clock: systemClock });
    await vi.waitUntil(() => ami.state().up, { interval: 5, timeout: 20_000 });
  });
  afterAll(async () => {
    await ami?.close();
    await stage?.stop();
    await agi?.close();
  });
  beforeEach(async () => {
    await stage.asterisk.cli('channel request hangup all');
    await vi.waitUntil(async () => /^0 active channels/m.test(await stage.asterisk.cli('core show channels')), {
      interval: 20,
      timeout: 10_000,
    });
    await stage.asterisk.cli('dialplan set global TOLLGATE_VICIDIAL_CARRIERS ""');
    logBefore = await stage.asterisk.log();
    verdict('allow');
  });

  it('a predictive call is asked for as predictive, with its campaign and as nobody’s, and goes out', async () => {
    const to = fresh();
    await predictive(to);
    await arrived(to);
    expect(await identityOf(to)).toEqual({ extension: 'predictive', campaign: 'SALES', kind: 'predictive' });
    expect((await askedFor(to)).environment['channel']).toMatch(/^Local\/9\d+@default-.*;2$/);
    expect((await askedFor(to)).environment['calleridname']).toBe(CODES.V);
  });

  it.each([
    { cause: '', status: 'BUSY', hangup: '17' },
    { cause: '21', status: 'BUSY', hangup: '21' },
    { cause: '34', status: 'BUSY', hangup: '34' },
    { cause: '1', status: 'CHANUNAVAIL', hangup: '1' },
    { cause: '28', status: 'CHANUNAVAIL', hangup: '28' },
  ])('a refusal with cause "$cause" leaves $status and $hangup for one run of VICIdial’s h', async (each) => {
    verdict('block', { TOLLGATE_HANGUP_CAUSE: each.cause, TOLLGATE_PROMPT: 'tollgate-limit' });
    const to = fresh();
    await predictive(to);
    expect(await hRan('2')).toEqual([
      `DIALSTATUS=${each.status} HANGUPCAUSE=${each.hangup} CONTEXT=default CHANNEL=Local;2`,
    ]);
    expect(await arrivals(to)).toEqual([]);
    expect(await logSince()).not.toMatch(/Executing .* (Answer|Progress|Playback)\(/);
  });

  it('a predictive call that is told to be held is refused, and neither answered nor spoken to', async () => {
    verdict('hold', { TOLLGATE_APPROVAL: 'a-1', TOLLGATE_HOLD_SECONDS: '10' });
    const to = fresh();
    await predictive(to);
    expect(await hRan('2')).toEqual(['DIALSTATUS=BUSY HANGUPCAUSE=17 CONTEXT=default CHANNEL=Local;2']);
    expect(await arrivals(to)).toEqual([]);
    expect(await logSince()).not.toMatch(/(Answer|Progress|Playback|Stasis)\(/);
  });

  it('a predictive call waits for its turn in silence and then goes out', async () => {
    verdict('wait', { TOLLGATE_WAIT_MS: '700', TOLLGATE_WHILE_WAITING: 'music' });
    const to = fresh();
    const before = Date.now();
    await predictive(to);
    await arrived(to);
    expect((await arrivals(to))[0]?.atMs).toBeGreaterThanOrEqual(before + 690);
    expect(await logSince()).not.toMatch(/(Answer|Progress|StartMusicOnHold)\(/);
  });

  it.each([
    ['M', 'manual', 'SALES'],
    ['DC', 'three-way', ''],
    ['DV', 'override', ''],
  ] as const)(
    'a call with code %s from an agent’s session is %s and charged to the session',
    async (code, kind, campaign) => {
      const to = fresh();
      await byAgent(to, CODES[code]);
      await arrived(to);
      expect(await identityOf(to)).toEqual({ extension: '8600051', campaign, kind });
    },
  );

  it('an agent hears the prompt of a refusal, and h sees it once', async () => {
    verdict('block', { TOLLGATE_PROMPT: 'tollgate-limit' });
    const to = fresh();
    await byAgent(to, `${CODES.M} 1001`);
    expect(await identityOf(to)).toEqual({ extension: '8600051', campaign: 'SALES', kind: 'manual' });
    expect(await hRan('1')).toEqual(['DIALSTATUS=BUSY HANGUPCAUSE=17 CONTEXT=default CHANNEL=Local;1']);
    expect(await logSince()).toContain('Playback("Local/8600051@default');
    expect(await arrivals(to)).toEqual([]);
  });

  it('a code that is too short, too long or of another shape is of VICIdial, and of no kind that rules know', async () => {
    for (const code of ['V123', `${CODES.V}7`, 'S112010300012348600051', '";)$[V', 'VCagcW123456789']) {
      const to = fresh();
      await predictive(to, code.replaceAll('"', ''));
      expect([code, await identityOf(to)]).toEqual([code, expect.objectContaining({ extension: '', kind: 'other' })]);
    }
    expect(await logSince()).not.toMatch(/syntax error|ast_expr2/);
  });

  it('a press-1 leg is a three-way call', async () => {
    const to = fresh();
    await predictive(to, CODES.T);
    expect(await identityOf(to)).toEqual({ extension: '', campaign: '', kind: 'three-way' });
  });

  it('a call that comes back over the loopback keeps its kind', async () => {
    const [manual, machine] = [fresh(), fresh()];
    await originate('Local/8600051@default', `7${manual}`, CODES.Y);
    expect(await identityOf(manual)).toMatchObject({ kind: 'manual' });
    expect((await askedFor(manual)).environment['channel']).toMatch(/^IAX2\/ASTloop-/);
    await originate(`Local/7${machine}@default`, '8368', CODES.V);
    expect(await identityOf(machine)).toEqual({ extension: 'predictive', campaign: 'SALES', kind: 'predictive' });
  });

  it('a phone that dials with a code of its own making is a phone, and brings no campaign', async () => {
    await stage.asterisk.cli('dialplan set global TOLLGATE_VICIDIAL_CARRIERS carrier-a');
    const to = fresh();
    await stage.placeCall({ destination: `5${to}` });
    expect((await askedFor(to)).environment['calleridname']).toMatch(/^V\d{19}$/);
    expect(await identityOf(to)).toEqual({ extension: '', campaign: '', kind: 'direct' });
  });

  it('a phone that diverts with a code of its own making pays itself', async () => {
    const to = fresh();
    await stage.placeCall({ destination: `6${to}` });
    expect((await askedFor(to)).environment['calleridname']).toBe(CODES.M);
    expect(await identityOf(to)).toEqual({ extension: '1002', campaign: '', kind: 'direct' });
  });

  it('a customer whom an agent sends out again is a transfer on a carrier that was named, and else the carrier’s own', async () => {
    for (const carriers of ['', 'carrier-b&carrier-a']) {
      await stage.asterisk.cli(`dialplan set global TOLLGATE_VICIDIAL_CARRIERS "${carriers}"`);
      const [first, second] = [fresh(), fresh()];
      await predictive(first);
      await arrived(first);
      const channel = await vi.waitUntil(
        async () =>
          /^(PJSIP\/carrier-a-[0-9a-f]+)!.*!Up!/m.exec(await stage.asterisk.cli('core show channels concise'))?.[1],
        { interval: 20, timeout: 10_000 },
      );
      await ami.action('Redirect', { Channel: channel, Context: 'default', Exten: `9${second}`, Priority: '1' });
      const kind = carriers === '' ? 'direct' : 'transfer';
      expect(await identityOf(second)).toMatchObject({ kind, extension: '' });
      expect((await askedFor(second)).environment['channel']).toBe(channel);
      await stage.asterisk.cli('channel request hangup all');
    }
  });
});
