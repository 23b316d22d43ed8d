/**
 * dialplan/tollgate.conf on a real Asterisk, with calls by SIPp and a daemon that is told what to answer.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Stage } from '../../src/demo/stage.ts';
import { markedLines, startTestStage } from '../support/stage.ts';
import { type StubAgiServer, startStubAgiServer } from '../support/stub-agi-server.ts';

const dialplan = `
[from-phones]
; As in the documentation.
exten => _X.,1,Gosub(tollgate,gate,1(\${EXTEN},carrier-a))
 same => n,Log(NOTICE,passed verdict=\${TOLLGATE_VERDICT} timeout=\${TIMEOUT(absolute)} max=\${TOLLGATE_MAX_SECONDS})
 same => n,Dial(PJSIP/\${EXTEN}@carrier-a)
 same => n,Hangup()
; Through a subroutine of the site, with an absolute timeout, with extension and campaign, and only asking.
exten => _61X.,1,Gosub(dial-out,s,1(\${EXTEN}))
 same => n,Hangup()
exten => _62X.,1,Set(TIMEOUT(absolute)=50)
 same => n,Gosub(tollgate,gate,1(\${EXTEN},carrier-a))
 same => n,Log(NOTICE,passed verdict=\${TOLLGATE_VERDICT} timeout=\${TIMEOUT(absolute)})
 same => n,Hangup(16)
exten => _63X.,1,Gosub(tollgate,gate,1(\${EXTEN},carrier-a,2001,Spring Sale))
 same => n,Hangup(16)
exten => _64X.,1,Gosub(tollgate,check,1(\${EXTEN},carrier-a))
 same => n,Log(NOTICE,checked verdict=\${TOLLGATE_VERDICT} cause=\${TOLLGATE_HANGUP_CAUSE} rule=\${TOLLGATE_RULE} wait=\${TOLLGATE_WAIT_MS})
 same => n,Hangup(16)
exten => _65X.,1,Set(TIMEOUT(absolute)=1)
 same => n,Gosub(tollgate,gate,1(\${EXTEN},carrier-a))
 same => n,Hangup(16)
exten => _66X.,1,Set(FORWARDERNAME=PJSIP/john-doe-0000002a)
 same => n,Set(__FORWARDERNAME=PJSIP/john-doe-0000002a)
 same => n,Dial(Local/\${EXTEN}@forwarded/n)
 same => n,Hangup()
exten => _67X.,1,Set(BLINDTRANSFER=PJSIP/1002-0000002b)
 same => n,Gosub(tollgate,gate,1(\${EXTEN},carrier-a))
 same => n,Hangup(16)
exten => _68X.,1,Set(TOLLGATE_VERDICT=allow)
 same => n,Gosub(tollgate,gate,1(\${EXTEN},carrier-a))
 same => n,Dial(PJSIP/\${EXTEN}@carrier-a)
exten => T,1,Log(NOTICE,timeout-ran context=\${CONTEXT})
 same => n,Hangup(18)
exten => h,1,Log(NOTICE,h-ran DIALSTATUS=\${DIALSTATUS} HANGUPCAUSE=\${HANGUPCAUSE} CONTEXT=\${CONTEXT})
[dial-out]
exten => s,1,Gosub(tollgate,gate,1(\${ARG1},carrier-b))
 same => n,Dial(PJSIP/\${ARG1}@carrier-b)
 same => n,Return()
[forwarded]
exten => _X.,1,Gosub(tollgate,gate,1(\${EXTEN},carrier-a))
 same => n,Dial(PJSIP/\${EXTEN}@carrier-a)
 same => n,Hangup()
exten => h,1,Log(NOTICE,forwarded-h DIALSTATUS=\${DIALSTATUS} HANGUPCAUSE=\${HANGUPCAUSE})
`;

let stage: Stage;
let agi: StubAgiServer;
let logBefore = '';

const setGlobal = (name: string, value: string) => stage.asterisk.cli(`dialplan set global ${name} "${value}"`);
const lines = (mark: string) => markedLines(stage, mark, logBefore);
const hRan = async () => {
  // The hang-up goes out before `h` runs.
  for (let attempt = 0; attempt < 50 && (await lines('h-ran')).length === 0; attempt += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await new Promise((resolve) => setTimeout(resolve, 100));
  return lines('h-ran');
};
const carried = async (destination: string) =>
  [...(await stage.carrier('carrier-a').calls()), ...(await stage.carrier('carrier-b').calls())].filter(
    (call) => call.destination === destination,
  ).length;
const verdict = (name: string, more: Readonly<Record<string, string>> = {}) =>
  agi.behave({ kind: 'set', variables: { TOLLGATE_VERDICT: name, TOLLGATE_REASON: 'told so by a test', ...more } });
/** What Asterisk logs when a value has broken out of `$[ ]`. */
const brokenExpression = /syntax error|ast_expr2/;
let numbers = 7000;
/** A number that no other test dials. */
const fresh = (prefix = '5') => {
  numbers += 1;
  return `${prefix}${numbers}`;
};

beforeAll(async () => {
  agi = await startStubAgiServer();
  stage = await startTestStage({ dialplan, globals: { TOLLGATE_AGI: agi.url, TOLLGATE_EMERGENCY: '911&112' } });
});

afterAll(async () => {
  await stage?.stop();
  await agi?.close();
});

beforeEach(async () => {
  agi.behave({ kind: 'close' });
  await setGlobal('TOLLGATE_AGI', agi.url);
  await setGlobal('TOLLGATE_ON_FAILURE', 'allow');
  logBefore = await stage.asterisk.log();
});

describe('verdicts', () => {
  it('an allowed call is dialled with its longest duration as the absolute timeout', async () => {
    const to = fresh();
    verdict('allow', { TOLLGATE_MAX_SECONDS: '60' });
    const call = await stage.placeCall({ destination: to });
    expect(call.status).toBe(200);
    expect(await carried(to)).toBe(1);
    expect(await lines('passed')).toEqual([expect.stringMatching(/^verdict=allow timeout=59\.\d+ max=60$/)]);
    expect(await hRan()).toEqual(['DIALSTATUS=ANSWER HANGUPCAUSE=16 CONTEXT=from-phones']);
  });

  it('the daemon is told destination, trunk, extension, source address, campaign, linkedid and zone in this order', async () => {
    verdict('allow');
    const to = fresh();
    await stage.placeCall({ destination: to, from: '1002' });
    await stage.placeCall({ destination: '6312345' });
    const [plain, full] = agi.requests.slice(-2);
    expect(plain?.environment['network_script']).toBe('check');
    expect(plain?.environment['channel']).toMatch(/^PJSIP\/1002-[0-9a-f]{8}$/);
    expect(plain?.args.slice(0, 8)).toEqual([
      to,
      'carrier-a',
      '',
      expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      '',
      '',
      plain?.environment['uniqueid'],
      '',
    ]);
    expect(full?.args.slice(0, 5)).toEqual([
      '6312345',
      'carrier-a',
      '2001',
      expect.stringMatching(/^127\./),
      'Spring Sale',
    ]);
  });

  it('a blocked call is never dialled, ends with the cause, and leaves DIALSTATUS BUSY for one run of h', async () => {
    const to = fresh();
    verdict('block', { TOLLGATE_HANGUP_CAUSE: '17' });
    const call = await stage.placeCall({ destination: to });
    expect(call.status).toBe(486);
    expect(call.progress).toEqual([]);
    expect(await carried(to)).toBe(0);
    expect(await hRan()).toEqual(['DIALSTATUS=BUSY HANGUPCAUSE=17 CONTEXT=from-phones']);
  });

  it('a blocked call without a cause ends with 21', async () => {
    verdict('block');
    expect((await stage.placeCall({ destination: fresh() })).status).toBe(403);
    expect(await hRan()).toEqual(['DIALSTATUS=BUSY HANGUPCAUSE=21 CONTEXT=from-phones']);
  });

  it('the prompt of a refusal is early media and answers nothing', async () => {
    verdict('block', { TOLLGATE_PROMPT: 'tollgate-limit' });
    const call = await stage.placeCall({ destination: fresh() });
    expect(call.status).toBe(403);
    expect(call.progress.map(({ status }) => status)).toContain(183);
    // The prompt is nearly four seconds long.
    expect(call.decidedAfterMs).toBeGreaterThan(3_000);
    expect(await hRan()).toEqual(['DIALSTATUS=BUSY HANGUPCAUSE=21 CONTEXT=from-phones']);
  });

  it('a caller who hangs up during the prompt was refused all the same', async () => {
    verdict('block', { TOLLGATE_PROMPT: 'tollgate-limit' });
    const call = await stage.placeCall({ destination: fresh(), cancelAfterMs: 700 });
    expect(call.status).toBe(487);
    const ran = await hRan();
    expect(ran).toHaveLength(1);
    expect(ran[0]).toContain('DIALSTATUS=BUSY');
  });

  it('a waiting call goes out after the wait, with nothing sent to the phone meanwhile', async () => {
    const to = fresh();
    verdict('wait', { TOLLGATE_WAIT_MS: '900' });
    const call = await stage.placeCall({ destination: to });
    expect(call.status).toBe(200);
    expect(call.progress).toEqual([]);
    const [arrival] = (await stage.carrier('carrier-a').calls()).filter(({ destination }) => destination === to);
    expect((arrival?.atMs ?? 0) - call.startedAtMs).toBeGreaterThanOrEqual(890);
    expect(await lines('passed')).toEqual(['verdict=allow timeout=0 max=']);
  });

  it('a call to be held is refused when nobody is connected to hold it', async () => {
    const to = fresh();
    verdict('hold', { TOLLGATE_APPROVAL: 'a1' });
    expect((await stage.placeCall({ destination: to })).status).toBe(403);
    expect(await carried(to)).toBe(0);
    expect(await hRan()).toEqual(['DIALSTATUS=BUSY HANGUPCAUSE=21 CONTEXT=from-phones']);
  });

  it('check only sets the variables, whatever the verdict', async () => {
    verdict('block', { TOLLGATE_HANGUP_CAUSE: '17', TOLLGATE_RULE: 'default' });
    expect((await stage.placeCall({ destination: '641234' })).status).toBe(603);
    expect(await lines('checked')).toEqual(['verdict=block cause=17 rule=default wait=']);
    logBefore = await stage.asterisk.log();
    verdict('wait', { TOLLGATE_WAIT_MS: '60000' });
    await stage.placeCall({ destination: '641234' });
    expect(await lines('checked')).toEqual(['verdict=wait cause= rule= wait=60000']);
  });
});

describe('failures', () => {
  const failures: Readonly<Record<string, () => Promise<void> | void>> = {
    'is not there': async () => void (await setGlobal('TOLLGATE_AGI', 'agi://127.0.0.1:1')),
    'closes at once': () => agi.behave({ kind: 'close' }),
    'resets the connection': () => agi.behave({ kind: 'reset' }),
    'answers nonsense': () => verdict('permit'),
    'answers an empty verdict': () => verdict(''),
    'answers a bracket in its verdict': () => verdict('al]ow'),
    'answers a quote in its verdict': () => verdict('al\\\\\\"ow'),
    'answers a word with a verdict inside': () => verdict('disallow'),
    'answers in capitals': () => verdict('ALLOW'),
    'is silent until told that the call is over': () => agi.behave({ kind: 'silent', closeOnHangup: true }),
  };
  for (const [how, arrange] of Object.entries(failures)) {
    it(`a daemon that ${how} lets calls out if TOLLGATE_ON_FAILURE is allow, and says so in the log`, async () => {
      const to = fresh();
      await arrange();
      expect((await stage.placeCall({ destination: to })).status).toBe(200);
      expect(await carried(to)).toBe(1);
      expect(await lines('passed')).toEqual(['verdict=allow timeout=0 max=']);
      const log = (await stage.asterisk.log()).slice(logBefore.length);
      expect(log).toMatch(/WARNING.*Tollgate left no verdict/);
      expect(log).not.toMatch(brokenExpression);
    });

    it(`a daemon that ${how} stops calls if TOLLGATE_ON_FAILURE is block`, async () => {
      const to = fresh();
      await setGlobal('TOLLGATE_ON_FAILURE', 'block');
      await arrange();
      expect((await stage.placeCall({ destination: to })).status).toBe(403);
      expect(await carried(to)).toBe(0);
      expect(await hRan()).toEqual(['DIALSTATUS=BUSY HANGUPCAUSE=21 CONTEXT=from-phones']);
    });
  }

  it('any other value of TOLLGATE_ON_FAILURE stops calls', async () => {
    await setGlobal('TOLLGATE_ON_FAILURE', 'Allow');
    expect((await stage.placeCall({ destination: fresh() })).status).toBe(403);
  });

  it('a verdict that stands on the channel already is not taken for an answer', async () => {
    await setGlobal('TOLLGATE_ON_FAILURE', 'block');
    agi.behave({ kind: 'set', variables: { TOLLGATE_REASON: 'no verdict in here' } });
    expect((await stage.placeCall({ destination: '681234' })).status).toBe(403);
  });

  it('a silent daemon that is killed lets the waiting call go on at once', async () => {
    const to = fresh();
    agi.behave({ kind: 'silent', closeOnHangup: false });
    const call = stage.placeCall({ destination: to });
    await new Promise((resolve) => setTimeout(resolve, 800));
    agi.dropConnections();
    expect((await call).status).toBe(200);
    expect((await call).decidedAfterMs).toBeLessThan(2_500);
    expect(await carried(to)).toBe(1);
  });
});

describe('emergency numbers', () => {
  it('go out without asking when the daemon is dead and failures block', async () => {
    await setGlobal('TOLLGATE_AGI', 'agi://127.0.0.1:1');
    await setGlobal('TOLLGATE_ON_FAILURE', 'block');
    const asked = agi.requests.length;
    expect((await stage.placeCall({ destination: '911' })).status).toBe(200);
    expect((await stage.placeCall({ destination: '112' })).status).toBe(200);
    expect(agi.requests.length).toBe(asked);
  });

  it('are matched whole: a part of one, or one with something before it, is asked for', async () => {
    verdict('block');
    for (const destination of ['11', '9112', '1911', '911-']) {
      expect([destination, (await stage.placeCall({ destination })).status]).toEqual([destination, 403]);
    }
  });
});

describe('what surrounds the gate', () => {
  it('the h of the site runs once over two Gosub frames', async () => {
    verdict('block', { TOLLGATE_HANGUP_CAUSE: '17' });
    expect((await stage.placeCall({ destination: fresh('61') })).status).toBe(486);
    expect(await hRan()).toEqual(['DIALSTATUS=BUSY HANGUPCAUSE=17 CONTEXT=from-phones']);
  });

  it('the h of the site runs once when the caller hangs up while the daemon is asked', async () => {
    agi.behave({ kind: 'set', variables: { TOLLGATE_VERDICT: 'allow' }, afterMs: 900 });
    const to = fresh();
    expect((await stage.placeCall({ destination: to, cancelAfterMs: 300 })).status).toBe(487);
    const ran = await hRan();
    expect(ran).toHaveLength(1);
    expect(ran[0]).toContain('CONTEXT=from-phones');
    expect(await carried(to)).toBe(0);
  });

  it('the h of the site runs once when the caller hangs up during a wait', async () => {
    verdict('wait', { TOLLGATE_WAIT_MS: '5000' });
    const to = fresh('61');
    expect((await stage.placeCall({ destination: to, cancelAfterMs: 300 })).status).toBe(487);
    expect(await hRan()).toHaveLength(1);
    expect(await carried(to)).toBe(0);
  });

  it('TIMEOUT(absolute) is given back less the time that passed', async () => {
    agi.behave({ kind: 'set', variables: { TOLLGATE_VERDICT: 'allow' }, afterMs: 500 });
    await stage.placeCall({ destination: '621234' });
    const left = Number(/timeout=([0-9.]+)/.exec((await lines('passed'))[0] ?? '')?.[1]);
    expect(left).toBeGreaterThan(48.5);
    expect(left).toBeLessThan(49.6);
  });

  it('TIMEOUT(absolute) is given back after a daemon that was silent, too', async () => {
    agi.behave({ kind: 'silent', closeOnHangup: true });
    await stage.placeCall({ destination: '621234' });
    const left = Number(/timeout=([0-9.]+)/.exec((await lines('passed'))[0] ?? '')?.[1]);
    expect(left).toBeGreaterThan(45);
    expect(left).toBeLessThan(47.1);
  });

  it('an absolute timeout of the site that ends during a wait reaches the T of the site', async () => {
    verdict('wait', { TOLLGATE_WAIT_MS: '5000' });
    const call = await stage.placeCall({ destination: '651234' });
    expect(call.status).toBe(408);
    expect(call.decidedAfterMs).toBeLessThan(3_000);
    expect(await lines('timeout-ran')).toEqual(['context=from-phones']);
    expect(await hRan()).toHaveLength(1);
  });

  it('a forwarded call is asked for in the name of the phone that forwards it, and hears no prompt', async () => {
    verdict('block', { TOLLGATE_PROMPT: 'tollgate-limit' });
    const call = await stage.placeCall({ destination: '661234' });
    expect(call.progress).toEqual([]);
    expect(call.decidedAfterMs).toBeLessThan(2_000);
    expect(agi.requests.at(-1)?.args.slice(0, 4)).toEqual(['661234', 'carrier-a', 'john-doe', '']);
    // CHANNEL(pjsip,…) on a Local channel would complain.
    expect((await stage.asterisk.log()).slice(logBefore.length)).not.toMatch(/(WARNING|ERROR)\[/);
    expect(await lines('forwarded-h')).toEqual(['DIALSTATUS=BUSY HANGUPCAUSE=21']);
  });

  it('a transferred call is asked for in the name of the phone that transferred it', async () => {
    verdict('allow');
    await stage.placeCall({ destination: '671234' });
    expect(agi.requests.at(-1)?.args[2]).toBe('1002');
  });
});

describe('hostile numbers', () => {
  const hostile = [
    '5550"x',
    '5550"]$[1+1]',
    '5550${SHELL(id)}',
    '5550${EXTEN}',
    '5550)',
    '5550(',
    '5550\\',
    '5550 5',
    '5550;5',
    '5550|5',
    '5550&PJSIP/1002',
    '5550@carrier-b',
    '5550%',
    "5550'",
    '5550=5',
    '5550<5>',
    '5550$[2*3]',
    '5550\t5',
    '5550é',
  ];
  for (const destination of hostile) {
    it(`${JSON.stringify(destination)} is refused without asking and without an error in an expression`, async () => {
      verdict('allow');
      const asked = agi.requests.length;
      const call = await stage.placeCall({ destination });
      expect(call.destination).toBe(destination);
      expect(call.status).toBe(484);
      expect(agi.requests.length).toBe(asked);
      expect((await stage.asterisk.log()).slice(logBefore.length)).not.toMatch(brokenExpression);
      expect(await hRan()).toEqual(['DIALSTATUS=BUSY HANGUPCAUSE=28 CONTEXT=from-phones']);
    });
  }

  it('a number with commas cannot pass for another trunk and another extension', async () => {
    verdict('allow');
    const asked = agi.requests.length;
    expect((await stage.placeCall({ destination: '5550,carrier-b,2002' })).status).toBe(484);
    expect(agi.requests.length).toBe(asked);
  });

  it('letters, dots, dashes, plus, star, hash and underscore are asked for unchanged', async () => {
    verdict('block');
    for (const destination of ['5-5.5_5', '5+1*2#', '5abcXYZ']) {
      await stage.placeCall({ destination });
      expect(agi.requests.at(-1)?.args[0]).toBe(destination);
    }
  });
});
