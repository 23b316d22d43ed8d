/**
 * dialplan/freepbx.conf below a small imitation of FreePBX's way out: routes, trunks one after another, and the hook that is
 * called before each; by Gosub as FreePBX 17 does, and by Macro as FreePBX 16 and Issabel do, where Asterisk has it.
 */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AsteriskVersion } from '../../src/demo/asterisk.ts';
import type { Stage } from '../../src/demo/stage.ts';
import { markedLines, startTestStage } from '../support/stage.ts';
import { type StubAgiServer, startStubAgiServer } from '../support/stub-agi-server.ts';

type Way = 'Gosub' | 'Macro';

/** What FreePBX generates, as far as the hook can tell. */
function generated(way: Way): string {
  const call = (macro: string, args: readonly string[]) =>
    way === 'Macro'
      ? `Macro(${[macro, ...args].join()})`
      : `Gosub(macro-${macro},s,1${args.length === 0 ? '' : `(${args.join()})`})`;
  const leave = way === 'Macro' ? 'MacroExit()' : 'Return()';
  return `
; FreePBX's own, which comes behind what is included before it.
[macro-dialout-trunk-predial-hook]
exten => s,1,${leave}

[from-phones]
exten => _X.,1,Set(AMPUSER=\${CHANNEL(endpoint)})
 same => n,Goto(outrt-1,\${EXTEN},1)
; A follow-me of 1002, a user without one, and an outside number called by nobody.
exten => _81X.,1,Set(__EXTTOCALL=1002)
 same => n,Dial(Local/\${EXTEN:2}@outrt-1/n)
exten => _82X.,1,Set(__AMPUSER=1003)
 same => n,Dial(Local/\${EXTEN:2}@outrt-1/n)
exten => _83X.,1,Set(__AMPUSER=1999)
 same => n,Dial(Local/\${EXTEN:2}@outrt-1/n)
exten => h,1,Log(NOTICE,h-ran in=from-phones)

[outrt-1]
exten => _911,1,Set(EMERGENCYROUTE=YES)
 same => n,${call('dialout-trunk', ['1', '${EXTEN}'])}
 same => n,Hangup()
exten => _X.,1,Set(_ROUTENAME=out)
 same => n,Set(CALLERID(num)=5550000)
 same => n,${call('dialout-trunk', ['1', '${EXTEN}'])}
 same => n,${call('dialout-trunk', ['2', '${EXTEN}'])}
 same => n,${call('dialout-trunk', ['3', '${EXTEN}'])}
 same => n,Hangup(34)
exten => h,1,Log(NOTICE,h-ran in=outrt-1 DIALSTATUS=\${DIALSTATUS} HANGUPCAUSE=\${HANGUPCAUSE})

[macro-dialout-trunk]
exten => s,1,Set(DIAL_TRUNK=\${ARG1})
 same => n,Set(DIAL_NUMBER=\${ARG2})
 same => n,Set(OUTNUM=\${OUTPREFIX_\${DIAL_TRUNK}}\${DIAL_NUMBER})
 same => n,${call('dialout-trunk-predial-hook', [])}
 same => n,Log(NOTICE,hook-left trunk=\${DIAL_TRUNK} ret=\${PREDIAL_HOOK_RET} arg=\${ARG1})
 same => n,GotoIf($["\${OUT_\${DIAL_TRUNK}}" = "PJSIP"]?pjsip)
 same => n,Goto(out)
 same => n(pjsip),Dial(PJSIP/\${OUTNUM}\${OUT_\${DIAL_TRUNK}_SUFFIX})
 same => n(out),${leave}
exten => h,1,Log(NOTICE,h-ran in=macro-dialout-trunk DIALSTATUS=\${DIALSTATUS} HANGUPCAUSE=\${HANGUPCAUSE})
`;
}

const ways: readonly (readonly [Way, AsteriskVersion])[] = [
  ['Gosub', 22],
  ['Gosub', 16],
  ['Macro', 16],
];

describe.each(ways)('the hook called by %s on Asterisk %i', (way, version) => {
  let stage: Stage;
  let agi: StubAgiServer;
  let ours = '';
  let logBefore = '';
  let numbers = 2000;

  const fresh = () => {
    numbers += 1;
    return `1555${numbers}`;
  };
  const lines = (mark: string) => markedLines(stage, mark, logBefore);
  const hRan = async () => {
    await new Promise((resolve) => setTimeout(resolve, 250));
    return lines('h-ran');
  };
  const asked = (to: string) =>
    agi.requests.filter(({ args }) => args[0]?.endsWith(to)).map(({ args }) => args.slice(0, 3));
  const arrivals = async (carrier: string, to: string) =>
    (await stage.carrier(carrier).calls()).filter(({ destination }) => destination === to).length;
  const verdict = (name: string, more: Readonly<Record<string, string>> = {}) =>
    agi.behave({ kind: 'set', variables: { TOLLGATE_VERDICT: name, TOLLGATE_REASON: 'told so by a test', ...more } });

  beforeAll(async () => {
    agi = await startStubAgiServer();
    ours = await readFile(new URL('../../dialplan/freepbx.conf', import.meta.url), 'utf8');
    stage = await startTestStage({
      version,
      modules: ['app_macro'],
      carriers: { 'carrier-a': { refuseWith: 503 }, 'carrier-b': {} },
      dialplan: `${ours}\n${generated(way)}`,
      globals: {
        ...{
          TOLLGATE_AGI: agi.url,
          OUT_1: 'PJSIP',
          OUT_1_SUFFIX: '@carrier-a',
          OUT_2: 'PJSIP',
          OUT_2_SUFFIX: '@carrier-b',
        },
        ...{ OUTPREFIX_2: '9', OUT_3: 'AMP:Local/$OUTNUM$@custom' },
      },
    });
    await stage.asterisk.cli('database put AMPUSER 1003/device 1003');
  });
  afterAll(async () => {
    await stage?.stop();
    await agi?.close();
  });
  beforeEach(async () => {
    logBefore = await stage.asterisk.log();
    verdict('allow');
  });

  it('every trunk is asked for by its name and with the number it gets, and the call goes on to the next one', async () => {
    const to = fresh();
    const call = await stage.placeCall({ destination: to, from: '1002' });
    expect(call.status).toBe(200);
    expect(asked(to)).toEqual([
      [to, 'carrier-a', ''],
      [`9${to}`, 'carrier-b', ''],
    ]);
    expect([await arrivals('carrier-a', to), await arrivals('carrier-b', `9${to}`)]).toEqual([1, 1]);
    expect(await lines('hook-left')).toEqual(['trunk=1 ret= arg=1', 'trunk=2 ret= arg=2']);
  });

  it('the phone pays, though its caller id is the trunk’s by then', async () => {
    const to = fresh();
    await stage.placeCall({ destination: to, from: '1003' });
    const [request] = agi.requests.filter(({ args }) => args[0] === to);
    expect(request?.environment).toMatchObject({
      channel: expect.stringMatching(/^PJSIP\/1003-/),
      callerid: '5550000',
    });
  });

  it('a refusal ends the call with its cause, tries no other trunk, and runs one h of FreePBX', async () => {
    verdict('block', { TOLLGATE_HANGUP_CAUSE: '21', TOLLGATE_PROMPT: 'tollgate-limit' });
    const to = fresh();
    const call = await stage.placeCall({ destination: to });
    expect(call.status).toBe(403);
    expect(call.progress.map(({ status }) => status)).toEqual([183]);
    expect(asked(to)).toHaveLength(1);
    expect(await lines('hook-left')).toEqual([]);
    expect(await hRan()).toEqual(['in=macro-dialout-trunk DIALSTATUS=BUSY HANGUPCAUSE=21']);
  });

  it('a caller who hangs up while he waits ends in one h of FreePBX', async () => {
    verdict('wait', { TOLLGATE_WAIT_MS: '5000' });
    const to = fresh();
    expect((await stage.placeCall({ destination: to, cancelAfterMs: 300 })).status).toBe(487);
    expect(await hRan()).toEqual([expect.stringMatching(/^in=macro-dialout-trunk /)]);
  });

  it('a follow-me is its extension’s, a user is believed if FreePBX has him, and anybody else is unknown', async () => {
    for (const [prefix, who] of [
      ['81', '1002'],
      ['82', '1003'],
      ['83', ''],
    ] as const) {
      const to = fresh();
      await stage.placeCall({ destination: `${prefix}${to}` });
      expect(asked(to)[0]).toEqual([to, 'carrier-a', who]);
    }
  });

  it('an emergency route goes out unasked', async () => {
    verdict('block');
    await stage.placeCall({ destination: '911' });
    expect(asked('911')).toEqual([]);
    expect(await arrivals('carrier-a', '911')).toBe(1);
  });

  it('a trunk without a name is called by its number', async () => {
    await stage.asterisk.cli('dialplan set global OUT_1 "AMP:Local/$OUTNUM$@custom"');
    await stage.asterisk.cli('dialplan set global OUT_1_SUFFIX ""');
    try {
      const to = fresh();
      await stage.placeCall({ destination: to });
      expect(asked(to)[0]).toEqual([to, 'trunk-1', '']);
    } finally {
      await stage.asterisk.cli('dialplan set global OUT_1 PJSIP');
      await stage.asterisk.cli('dialplan set global OUT_1_SUFFIX "@carrier-a"');
    }
  });

  it('without the include FreePBX’s own hook is in force again, and nobody is asked', async () => {
    await stage.asterisk.reloadDialplan(generated(way), {
      ...{ OUT_1: 'PJSIP', OUT_1_SUFFIX: '@carrier-a', OUT_2: 'PJSIP', OUT_2_SUFFIX: '@carrier-b' },
    });
    const to = fresh();
    expect((await stage.placeCall({ destination: to })).status).toBe(200);
    expect(asked(to)).toEqual([]);
    expect(await stage.asterisk.cli('dialplan show macro-dialout-trunk-predial-hook')).not.toContain('tollgate');
  });
});
