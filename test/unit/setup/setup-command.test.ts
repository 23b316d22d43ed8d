/** `tollgate setup` as a person meets it at a terminal: what is asked, and what happens by the answer. */
import { describe, expect, test } from 'vitest';
import { runCommandLine } from '../../../src/cli/program.ts';
import type { FileChange } from '../../../src/setup/plan.ts';
import type { Setup } from '../../../src/setup/setup.ts';

const CHANGE: FileChange = {
  path: '/etc/asterisk/manager.conf',
  before: '[general]\nenabled = yes\n[cron]\nsecret = of-somebody-else\n',
  after: '[general]\nenabled = yes\n[cron]\nsecret = of-somebody-else\n#include tollgate-manager.conf\n',
  reader: 'asterisk',
  secrets: [],
};

async function setup(args: readonly string[], answers: readonly boolean[] | undefined) {
  const did: string[] = [];
  const asked: string[] = [];
  let out = '';
  const say = (text: string): void => {
    out += text;
  };
  const made: Setup = {
    asterisk: { etc: '/etc/asterisk', version: '22.10.1', platform: 'plain' },
    etc: '/etc/asterisk',
    plan: { changes: [CHANGE], notes: [], reloads: ['manager reload'] },
    lines: '#include tollgate.conf',
    sounds: undefined,
    write: async () => void did.push('write'),
    reload: () => {
      did.push('reload');
      return Promise.resolve([]);
    },
    test: () => {
      did.push('test');
      return Promise.resolve([]);
    },
  };
  const confirm = (question: string): Promise<boolean> => {
    asked.push(question);
    return Promise.resolve(answers?.[asked.length - 1] ?? false);
  };
  const never = (): Promise<never> => Promise.reject(new Error('not in this test'));
  const exitCode = await runCommandLine(['setup', ...args], {
    terminal: {
      ...{ out: say, error: say, colours: false, env: {}, readStdin: never, signal: new AbortController().signal },
      ...(answers === undefined ? {} : { confirm }),
    },
    version: '0',
    stateDir: never,
    programs: { serve: never, demo: never, doctor: never, setup: async () => made, describeConfig: never },
  });
  return { exitCode, did, asked, out };
}

describe('setup', () => {
  test('writes nothing after a no, and everything after a yes; the reload is a question of its own', async () => {
    expect(await setup([], [false])).toMatchObject({ exitCode: 1, did: [], asked: ['Write 1 file?'] });
    expect(await setup([], [true, false])).toMatchObject({ exitCode: 0, did: ['write', 'test'] });
    expect(await setup([], [true, true])).toMatchObject({ exitCode: 0, did: ['write', 'reload', 'test'] });
  });

  test('with --yes asks nothing, and without a terminal and --yes writes nothing', async () => {
    expect(await setup(['--yes', '--reload'], [])).toMatchObject({ did: ['write', 'reload', 'test'], asked: [] });
    expect(await setup([], undefined)).toMatchObject({ exitCode: 1, did: [] });
    expect(await setup(['--dry-run', '--yes'], undefined)).toMatchObject({ exitCode: 0, did: [] });
  });

  test('shows the difference with no secret in it, also none of those that stand around it', async () => {
    const { out } = await setup(['--dry-run'], undefined);
    expect(out).toContain('+#include tollgate-manager.conf');
    expect(out).toContain('secret = (a secret)');
    expect(out).not.toContain('of-somebody-else');
  });
});
