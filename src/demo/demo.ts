/**
 * `tollgate demo`: a real Asterisk with phones and carriers, a real Tollgate, real calls; told as a story.
 *
 * Guarantees that nothing outlives it, however it ends, and that `toTheEnd` tells by its exit code whether everything
 * came as expected.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { paint, type Terminal, table } from '../cli/terminal.ts';
import { messageOf } from '../errors.ts';
import { PackagesUnavailable } from './debian-mirror.ts';
import { type Elsewhere, startElsewhere } from './elsewhere.ts';
import { ensurePrograms } from './programs.ts';
import { startStage } from './stage.ts';
import { CARRIERS, DIALPLAN, type Outcome, type Page, PHONES, POLICY, type Scene, STORY } from './story.ts';
import { createTollgateProcess, type TollgateProcess } from './tollgate-process.ts';

interface DemoOptions {
  /** Plays the story once, prints a summary and ends; otherwise goes on placing calls until interrupted. */
  readonly toTheEnd: boolean;
  /** The words that start this program. */
  readonly program: readonly [string, ...string[]];
  readonly terminal: Terminal;
}

interface Played extends Outcome {
  readonly act: string;
}

/** @returns the exit code */
export async function runDemo(options: DemoOptions): Promise<number> {
  const { terminal } = options;
  const startedMs = performance.now();
  const closers: Array<() => Promise<void>> = [];
  terminal.out(`${paint(terminal, 'bold', 'Tollgate demo')}: real calls through a real Asterisk\n\n`);
  try {
    const stands = await prepare(options, closers);
    const played = await play(options, stands);
    const failed = played.filter(isWrong);
    if (terminal.signal.aborted) return 130;
    terminal.out(summary(terminal, played, (performance.now() - startedMs) / 1000));
    if (!options.toTheEnd) await goOn(options, stands);
    return failed.length === 0 ? 0 : 1;
  } catch (error) {
    if (terminal.signal.aborted) return 130;
    terminal.error(`\n${paint(terminal, 'red', messageOf(error))}\n`);
    if (error instanceof PackagesUnavailable)
      terminal.error('The demo needs Debian packages that could not be had; Tollgate itself runs without them.\n');
    return 1;
  } finally {
    for (const close of closers.reverse())
      await close().catch((error: unknown) => terminal.error(`${messageOf(error)}\n`));
  }
}

async function prepare(
  { terminal, program }: DemoOptions,
  closers: Array<() => Promise<void>>,
): Promise<Omit<Scene, 'show'>> {
  const step = (name: string, detail: string): void =>
    terminal.out(`  ${paint(terminal, 'dim', name.padEnd(12))} ${detail}\n`);
  const onProgress = (progress: { readonly step: string; readonly detail: string }): void =>
    step(progress.step, progress.detail);
  const { env } = terminal;
  const programs = await ensurePrograms({ env, onProgress });
  step('programs', `${programs.redisServer}, ${programs.sipp}`);
  const tollgate = await createTollgateProcess({ program, env: { ...env, PATH: programs.searchPath } });
  closers.push(() => tollgate.stop());
  const elsewhere = await startElsewhere(env);
  if (elsewhere !== undefined) closers.push(() => elsewhere.close());
  const stage = await startStage({
    env,
    phones: PHONES,
    ...(elsewhere === undefined ? {} : { files: { 'pjsip.conf': transportAt(elsewhere.server) } }),
    carriers: CARRIERS,
    dialplan: DIALPLAN,
    globals: { TOLLGATE_AGI: `agi://127.0.0.1:${tollgate.agiPort}`, TOLLGATE_EMERGENCY: '911&112' },
    onProgress,
  });
  closers.push(() => stage.stop());
  step(
    'asterisk',
    `${stage.asterisk.release}, SIP on 127.0.0.1:${stage.asterisk.sipPort}, ${PHONES.length} phones, ${Object.keys(CARRIERS).length} carriers`,
  );
  const { ami, ari } = stage.asterisk;
  await tollgate.configure(`asterisk: ${JSON.stringify([{ name: 'demo', ami, ari }])}\n`);
  await tollgate.start();
  const applied = await tollgate.run(['policy', 'apply', '-', '--json'], POLICY);
  if (applied.exitCode !== 0) throw new Error(applied.output);
  step('tollgate', `FastAGI on 127.0.0.1:${tollgate.agiPort}, state in ${tollgate.stateDir}`);
  const url = `http://127.0.0.1:${tollgate.webPort}`;
  const people = [await mayLogIn(tollgate, 'operator'), await mayLogIn(tollgate, 'supervisor')];
  const page = { url, people };
  step('page', describePage(page));
  return { stage, tollgate, page, elsewhere };
}

/** A user who is called as his role is. */
async function mayLogIn(tollgate: TollgateProcess, role: string): Promise<Page['people'][number]> {
  const added = await tollgate.run(['users', 'add', role, '--role', role, '--json']);
  if (added.exitCode !== 0) throw new Error(added.output);
  const { password } = JSON.parse(added.output) as { readonly password: string };
  return { name: role, password };
}

const describePage = ({ url, people }: Page): string =>
  `${url}, log in as ${people.map(({ name, password }) => `${name} ${password}`).join(' or ')}`;

const transportAt = ({ address, port }: Elsewhere['server']): string =>
  `\n[elsewhere]\ntype = transport\nprotocol = udp\nbind = ${address}:${port}\n`;

const isWrong = (outcome: Outcome): boolean => outcome.expected !== outcome.seen;

async function play({ terminal }: DemoOptions, stands: Omit<Scene, 'show'>): Promise<readonly Played[]> {
  const show = (text: string): void =>
    terminal.out(
      `${text
        .split('\n')
        .map((line) => `     ${paint(terminal, 'dim', line)}`)
        .join('\n')}\n`,
    );
  const scene: Scene = { ...stands, show };
  const played: Played[] = [];
  for (const [index, act] of STORY.entries()) {
    if (terminal.signal.aborted) break;
    terminal.out(
      `\n${paint(terminal, 'bold', `${index + 1}. ${act.title}`)}\n   ${paint(terminal, 'dim', act.about)}\n`,
    );
    const outcomes = await act.play(scene);
    if (terminal.signal.aborted) break;
    for (const outcome of outcomes) {
      played.push({ ...outcome, act: act.title });
      terminal.out(
        `   ${mark(terminal, outcome)} ${outcome.what}: ${outcome.seen}${isWrong(outcome) ? `, expected ${outcome.expected}` : ''}\n`,
      );
    }
  }
  return played;
}

const mark = (terminal: Terminal, outcome: Outcome): string =>
  isWrong(outcome) ? paint(terminal, 'red', '✗') : paint(terminal, 'green', '✓');

function summary(terminal: Terminal, played: readonly Played[], seconds: number): string {
  const rows = played.map((outcome, index) => [
    mark(terminal, outcome),
    outcome.act === played[index - 1]?.act ? '' : String(1 + STORY.findIndex((act) => act.title === outcome.act)),
    outcome.what,
    isWrong(outcome) ? `${outcome.seen}, expected ${outcome.expected}` : outcome.seen,
  ]);
  const wrong = played.filter(isWrong).length;
  const verdict =
    wrong === 0
      ? paint(terminal, 'green', 'every one as expected')
      : paint(terminal, 'red', `${wrong} not as expected`);
  return `\n${table(terminal, ['', 'ACT', 'OUTCOME', 'SEEN'], rows)}\n${played.length} outcomes, ${verdict}, in ${seconds.toFixed(0)} s.\n`;
}

const PAUSE_MS = 1500;

/** Somebody places a call every now and then, until Ctrl-C. */
async function goOn({ terminal, program }: DemoOptions, { stage, tollgate, page }: Omit<Scene, 'show'>): Promise<void> {
  const command = `${program.slice(1).join(' ')} --state ${tollgate.stateDir}`;
  await tollgate.run(['policy', 'apply', '-'], POLICY);
  await tollgate.run(['rules', 'set', 'default', '--limit', '5/1m']);
  terminal.out(
    `\nCalls go on; Ctrl-C ends everything. The page: ${describePage(page)}\nIn another terminal:\n  node ${command} calls tail\n  node ${command} rules set default --limit 2/1m\n\n`,
  );
  while (!terminal.signal.aborted) {
    const from = PHONES[Math.floor(Math.random() * PHONES.length)] ?? PHONES[0];
    const destination = `1555010${String(Math.floor(Math.random() * 10_000)).padStart(4, '0')}`;
    const call = await stage.placeCall({ from, destination });
    const word =
      call.status === 200
        ? paint(terminal, 'green', 'answered')
        : paint(terminal, 'red', `refused with ${call.status}`);
    if (!terminal.signal.aborted) terminal.out(`  ${from} → ${destination}  ${word}\n`);
    await sleep(PAUSE_MS, undefined, { signal: terminal.signal }).catch(() => undefined);
  }
}
