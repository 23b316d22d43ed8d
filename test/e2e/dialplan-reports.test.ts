/**
 * dialplan/tollgate.conf on a real Asterisk, where it waits, bounds a call's duration, and reports what became of it: with
 * calls by SIPp and a daemon that is told what to answer.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Stage } from '../../src/demo/stage.ts';
import { markedLines, startTestStage } from '../support/stage.ts';
import { type StubAgiServer, startStubAgiServer } from '../support/stub-agi-server.ts';

const dialplan = `
[from-phones]
exten => _5X.,1,Gosub(tollgate,gate,1(\${EXTEN},carrier-a))
 same => n,Dial(PJSIP/\${EXTEN}@carrier-a)
 same => n,Hangup()
; The called party hangs up; a line that is busy.
exten => _60X.,1,Gosub(tollgate,gate,1(\${EXTEN},carrier-short))
 same => n,Dial(PJSIP/\${EXTEN}@carrier-short)
 same => n,Hangup()
exten => _61X.,1,Gosub(tollgate,gate,1(\${EXTEN},carrier-busy))
 same => n,Dial(PJSIP/\${EXTEN}@carrier-busy)
 same => n,Hangup()
exten => _71X.,1,Gosub(tollgate,gate,1(\${EXTEN},carrier-slow))
 same => n,Dial(PJSIP/\${EXTEN}@carrier-slow)
 same => n,Hangup()
; Two trunks, one after the other.
exten => _62X.,1,Gosub(tollgate,gate,1(\${EXTEN},carrier-busy))
 same => n,Dial(PJSIP/\${EXTEN}@carrier-busy)
 same => n,Gosub(tollgate,gate,1(\${EXTEN},carrier-a))
 same => n,Dial(PJSIP/\${EXTEN}@carrier-a)
 same => n,Hangup()
; The outcome said after Dial: by DIALSTATUS, by a word, and by a word with something in it that no word has.
exten => _63X.,1,Gosub(tollgate,gate,1(\${EXTEN},carrier-short))
 same => n,Set(AGISIGHUP=theirs)
 same => n,Dial(PJSIP/\${EXTEN}@carrier-short,,g)
 same => n,Gosub(tollgate,outcome,1)
 same => n,Gosub(tollgate,outcome,1(no-answer))
 same => n,Gosub(tollgate,outcome,1(con"ver\${SHELL(id)}sation\\,x))
 same => n,Log(NOTICE,said AGISIGHUP=\${AGISIGHUP})
 same => n,Hangup()
exten => _64X.,1,Goto(says-in-h,\${EXTEN},1)
exten => _65X.,1,Dial(Local/\${EXTEN}@by-local/n)
 same => n,Hangup()
; Timeouts of the site's own.
exten => _66X.,1,Set(TIMEOUT(absolute)=50)
 same => n,Gosub(tollgate,gate,1(\${EXTEN},carrier-a))
 same => n,Log(NOTICE,passed timeout=\${TIMEOUT(absolute)})
 same => n,Dial(PJSIP/\${EXTEN}@carrier-a)
 same => n,Hangup()
exten => _67X.,1,Gosub(dial-out,s,1(\${EXTEN}))
 same => n,Hangup()
exten => _68X.,1,Goto(without-T,\${EXTEN},1)
; Nobody asks; the outcome is said all the same.
exten => _69X.,1,Gosub(tollgate,outcome,1(busy))
 same => n,Hangup(17)
; Only asks, and waits by itself.
exten => _70X.,1,Gosub(tollgate,check,1(\${EXTEN},carrier-a))
 same => n,Set(TOLLGATE_WAITING=1)
 same => n,Wait($[\${FILTER(0-9,\${TOLLGATE_WAIT_MS})} / 1000.0])
 same => n,Set(TOLLGATE_WAITING=)
 same => n,Dial(PJSIP/\${EXTEN}@carrier-a)
 same => n,Hangup()
exten => T,1,Log(NOTICE,timeout-ran context=\${CONTEXT})
 same => n,Hangup(18)
exten => h,1,Log(NOTICE,h-ran DIALSTATUS=\${DIALSTATUS} CONTEXT=\${CONTEXT})
[dial-out]
exten => s,1,Gosub(tollgate,gate,1(\${ARG1},carrier-a))
 same => n,Dial(PJSIP/\${ARG1}@carrier-a)
 same => n,Return()
exten => h,1,Log(NOTICE,h-ran DIALSTATUS=\${DIALSTATUS} CONTEXT=\${CONTEXT})
[says-in-h]
exten => _X.,1,Gosub(tollgate,gate,1(\${EXTEN},carrier-short))
 same => n,Dial(PJSIP/\${EXTEN}@carrier-short)
 same => n,Hangup()
exten => h,1,Gosub(tollgate,outcome,1(conversation))
 same => n,Log(NOTICE,h-ran DIALSTATUS=\${DIALSTATUS} CONTEXT=\${CONTEXT})
[without-T]
exten => _X.,1,Gosub(tollgate,gate,1(\${EXTEN},carrier-a))
 same => n,Dial(PJSIP/\${EXTEN}@carrier-a)
 same => n,Hangup()
exten => h,1,Log(NOTICE,h-ran DIALSTATUS=\${DIALSTATUS} CONTEXT=\${CONTEXT})
[by-local]
exten => _X.,1,Gosub(tollgate,gate,1(\${EXTEN},carrier-a))
 same => n,Dial(PJSIP/\${EXTEN}@carrier-a)
 same => n,Hangup()
exten => h,1,Log(NOTICE,local-h DIALSTATUS=\${DIALSTATUS})
`;

let stage: Stage;
let agi: StubAgiServer;
let logBefore = '';
let reportsBefore = 0;
let numbers = 1000;
/** A number that no other test dials. */
const fresh = (prefix = '5'): string => `${prefix}${++numbers}`;

const logSince = async (): Promise<string> => (await stage.asterisk.log()).slice(logBefore.length);
const hRan = () => markedLines(stage, 'h-ran', logBefore);
const setGlobal = (name: string, value: string) => stage.asterisk.cli(`dialplan set global ${name} "${value}"`);
/** Arguments of the reports since the test began: decision, word, DIALSTATUS, ANSWEREDTIME. */
const reports = () => agi.reports.slice(reportsBefore).map(({ args }) => args);
/** How many channels Asterisk has; waits for them to become so many. */
async function channels(wanted: number, withinMs = 2000): Promise<number> {
  for (let waitedMs = 0; ; waitedMs += 50) {
    const count = Number(/(\d+) active channel/.exec(await stage.asterisk.cli('core show channels count'))?.[1]);
    if (count === wanted || waitedMs >= withinMs) return count;
    await sleep(50);
  }
}
/** The reports when no channel is left that could send one. */
const allReports = async () => {
  expect(await channels(0)).toBe(0);
  return reports();
};
const allowed = { TOLLGATE_VERDICT: 'allow', TOLLGATE_REASON: 'told so by a test' };
const told = (more: Readonly<Record<string, string>>) =>
  agi.behave({ kind: 'set', variables: { ...allowed, ...more } });
const waits = (waitMs: number, more: Readonly<Record<string, string>> = {}) =>
  told({ TOLLGATE_VERDICT: 'wait', TOLLGATE_WAIT_MS: String(waitMs), ...more });
const counted = { TOLLGATE_DECISION: 'd-1', TOLLGATE_REPORT: '1' };
const arrivals = async (destination: string) =>
  (await stage.carrier('carrier-a').calls()).filter((call) => call.destination === destination).length;

beforeAll(async () => {
  agi = await startStubAgiServer();
  stage = await startTestStage({
    dialplan,
    globals: { TOLLGATE_AGI: agi.url, TOLLGATE_ON_FAILURE: 'block' },
    carriers: {
      'carrier-a': {},
      'carrier-short': { hangUpAfterMs: 1200 },
      'carrier-busy': { refuseWith: 486 },
      'carrier-slow': { ringMs: 8000 },
    },
  });
});

afterAll(async () => {
  await stage?.stop();
  await agi?.close();
});

beforeEach(async () => {
  agi.behave({ kind: 'close' });
  agi.behaveToReports({ kind: 'close' });
  await setGlobal('TOLLGATE_AGI', agi.url);
  expect(await channels(0)).toBe(0);
  logBefore = await stage.asterisk.log();
  reportsBefore = agi.reports.length;
});

describe('while a call waits', () => {
  const heard: Readonly<Record<string, readonly number[]>> = { silence: [], '': [], ringing: [180], music: [183] };
  for (const [whileWaiting, statuses] of Object.entries(heard)) {
    it(`the phone is sent ${statuses.join() || 'nothing'} for ${whileWaiting || 'no word at all'}, and no answer`, async () => {
      waits(900, { TOLLGATE_WHILE_WAITING: whileWaiting });
      const to = fresh();
      const call = await stage.placeCall({ destination: to });
      expect(call.status).toBe(200);
      expect(call.progress.map(({ status }) => status)).toEqual(statuses);
      for (const { afterMs } of call.progress) expect(afterMs).toBeLessThan(800);
      expect(call.decidedAfterMs).toBeGreaterThanOrEqual(880);
      expect(await arrivals(to)).toBe(1);
    });
  }

  it('music begins with the wait and ends with it', async () => {
    waits(500, { TOLLGATE_WHILE_WAITING: 'music' });
    await stage.placeCall({ destination: fresh() });
    const log = await logSince();
    for (const application of ['StartMusicOnHold', 'StopMusicOnHold']) {
      expect(log.split(`] ${application}("PJSIP/`).length - 1).toBe(1);
    }
  });

  for (const whileWaiting of ['ringing', 'music']) {
    it(`the second half of a Local channel is sent no ${whileWaiting}`, async () => {
      waits(700, { TOLLGATE_WHILE_WAITING: whileWaiting });
      const call = await stage.placeCall({ destination: fresh('65') });
      expect(call.status).toBe(200);
      expect(call.progress).toEqual([]);
      expect(call.decidedAfterMs).toBeGreaterThanOrEqual(690);
      expect(await logSince()).not.toMatch(/\] (Ringing|Progress|StartMusicOnHold)\(/);
    });
  }

  it('a caller who hangs up is gone, once, and his call never leaves', async () => {
    waits(5000, { ...counted, TOLLGATE_WHILE_WAITING: 'ringing' });
    const to = fresh();
    expect((await stage.placeCall({ destination: to, cancelAfterMs: 400 })).status).toBe(487);
    expect(await allReports()).toEqual([['d-1', 'gone', '', '']]);
    expect(await hRan()).toEqual(['DIALSTATUS= CONTEXT=from-phones']);
    expect(await arrivals(to)).toBe(0);
  });

  it('a caller who hangs up while a dialplan that only asked waits for him is gone as well', async () => {
    waits(5000, counted);
    expect((await stage.placeCall({ destination: fresh('70'), cancelAfterMs: 400 })).status).toBe(487);
    expect(await allReports()).toEqual([['d-1', 'gone', '', '']]);
  });

  it('a caller who hangs up while he waits for a second trunk is gone from that one and has ended on the first', async () => {
    const second = { TOLLGATE_VERDICT: 'wait', TOLLGATE_WAIT_MS: '5000', TOLLGATE_DECISION: 'd-2' };
    agi.behave(({ args }) => ({
      kind: 'set',
      variables: { ...allowed, ...counted, ...(args[1] === 'carrier-busy' ? {} : second) },
    }));
    expect((await stage.placeCall({ destination: fresh('62'), cancelAfterMs: 600 })).status).toBe(487);
    expect((await allReports()).toSorted()).toEqual([
      ['d-1', 'ended', 'BUSY', ''],
      ['d-2', 'gone', 'BUSY', ''],
    ]);
  });

  it('a caller who hangs up after his wait has ended', async () => {
    waits(300, counted);
    const call = await stage.placeCall({ destination: fresh(), holdMs: 300 });
    expect(call.status).toBe(200);
    expect(await allReports()).toEqual([['d-1', 'ended', 'ANSWER', '0']]);
  });
});

describe('the end of a call', () => {
  it('is reported once, with what dialling came to and how long it was answered', async () => {
    told(counted);
    expect((await stage.placeCall({ destination: fresh(), holdMs: 1200 })).talked?.endedBy).toBe('caller');
    expect((await stage.placeCall({ destination: fresh('60'), holdMs: 5000 })).talked?.endedBy).toBe('called');
    expect((await stage.placeCall({ destination: fresh('61') })).status).toBe(486);
    expect(await allReports()).toEqual([
      ['d-1', 'ended', 'ANSWER', '1'],
      ['d-1', 'ended', 'ANSWER', '1'],
      ['d-1', 'ended', 'BUSY', ''],
    ]);
    expect(await hRan()).toHaveLength(3);
  });

  it('is reported when the site runs the gate inside a subroutine of its own', async () => {
    told(counted);
    await stage.placeCall({ destination: fresh('67') });
    expect(await allReports()).toEqual([['d-1', 'ended', 'ANSWER', '0']]);
    expect(await hRan()).toHaveLength(1);
  });

  it('is reported for each of two trunks that the call asked for', async () => {
    agi.behave(({ args }) => ({
      kind: 'set',
      variables: { ...allowed, ...counted, TOLLGATE_DECISION: args[1] === 'carrier-busy' ? 'd-1' : 'd-2' },
    }));
    expect((await stage.placeCall({ destination: fresh('62') })).status).toBe(200);
    expect((await allReports()).map(([decision, word]) => `${decision} ${word}`).toSorted()).toEqual([
      'd-1 ended',
      'd-2 ended',
    ]);
    expect(await hRan()).toHaveLength(1);
  });

  const unwanted: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    'the daemon does not ask for it': { TOLLGATE_DECISION: 'd-1', TOLLGATE_REPORT: '' },
    'the daemon says 0': { TOLLGATE_DECISION: 'd-1', TOLLGATE_REPORT: '0' },
    'the daemon says something with a 1 in it': { TOLLGATE_DECISION: 'd-1', TOLLGATE_REPORT: '10' },
    'the call is refused': { ...counted, TOLLGATE_VERDICT: 'block' },
    'the call is to be held': { ...counted, TOLLGATE_VERDICT: 'hold' },
    'the answer is none': { ...counted, TOLLGATE_VERDICT: 'permit' },
  };
  for (const [when, variables] of Object.entries(unwanted)) {
    it(`is not reported when ${when}`, async () => {
      const calls = agi.requests.length;
      // A call to be held may ask again, and then learns nothing.
      agi.behave(() =>
        agi.requests.length > calls + 1 ? { kind: 'close' } : { kind: 'set', variables: { ...allowed, ...variables } },
      );
      await stage.placeCall({ destination: fresh() });
      expect(await allReports()).toEqual([]);
      expect(await logSince()).not.toContain('hangup_handler_push');
    });
  }

  it('is kept from nobody by a server that is dead: the channel goes at once, and h runs once', async () => {
    told(counted);
    const calling = stage.placeCall({ destination: fresh(), holdMs: 800 });
    expect(await channels(2)).toBe(2);
    await setGlobal('TOLLGATE_AGI', 'agi://127.0.0.1:1');
    expect((await calling).status).toBe(200);
    expect(await allReports()).toEqual([]);
    expect(await hRan()).toHaveLength(1);
  });

  it('keeps the channel of a caller who hung up for as long as the server is silent, and no longer', async () => {
    told(counted);
    agi.behaveToReports({ kind: 'silent', closeOnHangup: true });
    const call = await stage.placeCall({ destination: fresh(), holdMs: 300 });
    expect(call.talked?.endedBy).toBe('caller');
    expect(await channels(0, 2500)).toBe(1);
    expect(await hRan()).toHaveLength(1);
    agi.dropConnections();
    expect(await channels(0)).toBe(0);
    expect(reports()).toHaveLength(1);
  });

  it('reaches the phone of a caller who is left only when the report was heard', async () => {
    told(counted);
    agi.behaveToReports({ kind: 'close', afterMs: 900 });
    const call = await stage.placeCall({ destination: fresh('60'), holdMs: 5000 });
    expect(call.talked?.endedBy).toBe('called');
    expect(call.talked?.forMs).toBeGreaterThan(1200 + 850);
  });
});

describe('what became of a call, as the dialplan says it', () => {
  it('is said after Dial by its status or by a word, and then its end', async () => {
    told(counted);
    await stage.placeCall({ destination: fresh('63'), holdMs: 5000 });
    expect(await allReports()).toEqual([
      ['d-1', '', 'ANSWER', '1'],
      ['d-1', 'no-answer', 'ANSWER', '1'],
      ['d-1', expect.stringMatching(/^con/), 'ANSWER', '1'],
      ['d-1', 'ended', 'ANSWER', '1'],
    ]);
    // The site's own setting is back.
    expect(await markedLines(stage, 'said', logBefore)).toEqual(['AGISIGHUP=theirs']);
    expect(await hRan()).toHaveLength(1);
  });

  it('is said in h, before the end', async () => {
    told(counted);
    await stage.placeCall({ destination: fresh('64'), holdMs: 5000 });
    expect(await allReports()).toEqual([
      ['d-1', 'conversation', 'ANSWER', '1'],
      ['d-1', 'ended', 'ANSWER', '1'],
    ]);
    expect(await hRan()).toHaveLength(1);
  });

  it('is not said of a call that nobody asked for', async () => {
    await stage.placeCall({ destination: fresh('69') });
    expect(await allReports()).toEqual([]);
  });
});

describe('the longest duration', () => {
  const timeout = async (): Promise<number> =>
    Number(/timeout=([0-9.]+)/.exec((await markedLines(stage, 'passed', logBefore))[0] ?? '')?.[1]);

  it('ends a call that talks, runs the T of the site, its h once, and is reported', async () => {
    told({ ...counted, TOLLGATE_MAX_SECONDS: '1' });
    const call = await stage.placeCall({ destination: fresh(), holdMs: 10_000 });
    expect(call.talked?.endedBy).toBe('called');
    expect(call.talked?.forMs).toBeGreaterThan(800);
    expect(call.talked?.forMs).toBeLessThan(2500);
    expect(await allReports()).toEqual([['d-1', 'ended', 'ANSWER', expect.stringMatching(/^[01]$/)]]);
    expect(await markedLines(stage, 'timeout-ran', logBefore)).toEqual(['context=from-phones']);
    expect(await hRan()).toEqual(['DIALSTATUS=ANSWER CONTEXT=from-phones']);
  });

  it('ends a call that still rings, in the same way', async () => {
    told({ ...counted, TOLLGATE_MAX_SECONDS: '1' });
    const call = await stage.placeCall({ destination: fresh('71') });
    expect(call.status).toBe(408);
    expect(call.decidedAfterMs).toBeLessThan(2500);
    expect(await allReports()).toEqual([['d-1', 'ended', 'CANCEL', '']]);
    expect(await markedLines(stage, 'timeout-ran', logBefore)).toEqual(['context=from-phones']);
    expect(await hRan()).toHaveLength(1);
  });

  it('ends a call in a context without T, and in one that called the gate through a subroutine', async () => {
    told({ ...counted, TOLLGATE_MAX_SECONDS: '1' });
    for (const prefix of ['68', '67']) {
      const call = await stage.placeCall({ destination: fresh(prefix), holdMs: 10_000 });
      expect(call.talked?.endedBy).toBe('called');
      expect(call.talked?.forMs).toBeLessThan(2500);
    }
    expect(await allReports()).toHaveLength(2);
    expect(await hRan()).toEqual(['DIALSTATUS=ANSWER CONTEXT=without-T', expect.stringMatching(/^DIALSTATUS=ANSWER /)]);
  });

  it('counts from the end of the wait', async () => {
    waits(1500, { TOLLGATE_MAX_SECONDS: '1' });
    const call = await stage.placeCall({ destination: fresh(), holdMs: 10_000 });
    expect(call.status).toBe(200);
    expect(call.talked?.forMs).toBeGreaterThan(700);
  });

  it('is taken where it is shorter than a timeout of the site', async () => {
    told({ TOLLGATE_MAX_SECONDS: '9' });
    await stage.placeCall({ destination: fresh('66') });
    expect(await timeout()).toBeGreaterThan(8);
    expect(await timeout()).toBeLessThanOrEqual(9);
  });

  for (const max of ['51', '', 'x', '9999999', '1)x']) {
    it(`leaves a timeout of the site alone where it is ${JSON.stringify(max)}`, async () => {
      agi.behave({ kind: 'set one by one', variables: { ...allowed, TOLLGATE_MAX_SECONDS: max } });
      await stage.placeCall({ destination: fresh('66') });
      const expected = max === '1)x' ? 1 : 50;
      expect(await timeout()).toBeGreaterThan(expected - 2);
      expect(await timeout()).toBeLessThanOrEqual(expected);
    });
  }
});

describe('hostile values', () => {
  const hostile = [
    'x)&Set(GLOBAL(BROKEN)=1)',
    'x),1)Set(GLOBAL(BROKEN)=1',
    'x,gone,BUSY,9',
    '"]$[1+1]"',
    '${GLOBAL(TOLLGATE_AGI)}',
    '${SHELL(echo broken)}',
    "a'b|c&d@e",
    '1 | 1',
    '" = "" | "1',
    '\\',
    '(((',
  ];
  for (const value of hostile) {
    it(`${JSON.stringify(value)} as decision, as zone, as what is heard and as report changes nothing but itself`, async () => {
      const variables = {
        ...allowed,
        TOLLGATE_VERDICT: 'wait',
        TOLLGATE_WAIT_MS: '50',
        TOLLGATE_DECISION: value,
        TOLLGATE_WHILE_WAITING: value,
        TOLLGATE_CALLED_ZONE: value,
        TOLLGATE_REPORT: '1',
      };
      agi.behave({ kind: 'set one by one', variables });
      const call = await stage.placeCall({ destination: fresh('62') });
      expect(call.status).toBe(200);
      expect(call.progress).toEqual([]);
      const letters = value.replaceAll(/[^0-9A-Za-z-]/g, '');
      const sent = await allReports();
      expect(sent.map(([decision, word]) => [decision, word])).toEqual([
        [letters, 'ended'],
        [letters, 'ended'],
      ]);
      for (const args of sent) expect(args).toHaveLength(4);
      const [, second] = agi.requests.slice(-2);
      // What comes behind the zone is no part of it.
      expect(second?.args.slice(8).join('')).toBe('');
      expect(second?.args[7]).toBe(value.replaceAll(/[^0-9A-Za-z/_+-]/g, ''));
      expect(await stage.asterisk.cli('dialplan show globals')).not.toContain('BROKEN');
      expect(await logSince()).not.toMatch(/syntax error|ast_expr2|(WARNING|ERROR)\[/);
      // As a wish for a report it is none.
      reportsBefore = agi.reports.length;
      agi.behave({ kind: 'set one by one', variables: { ...allowed, TOLLGATE_REPORT: value } });
      await stage.placeCall({ destination: fresh() });
      expect(await allReports()).toEqual([]);
    });
  }
});
