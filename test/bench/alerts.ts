/**
 * Row `alerts`: how long a call takes while every call raises an alert, over the same while none does; and how many
 * messages such a storm becomes. Two daemons as `tollgate serve` runs them, asked at the same fixed rate, both with a
 * channel; they differ in the limit of one rule. They take turns within a fraction of a second, so that other load on the
 * machine meets both alike.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { startTollgate } from './agi.ts';
import { type Bound, type Figure, median, ratioOf, show } from './figure.ts';
import type { Processes, Store } from './processes.ts';
import { documentOf, ROOMY, SUBJECTS } from './subjects.ts';

/** 10,000 a minute. */
const PER_SECOND = 167;
const SLICE_MS = 400;

const policyWith = (limits: readonly string[]) =>
  documentOf({
    rules: [
      { id: 'extension-rate', countPer: 'extension', limits: ROOMY },
      { id: 'system-rate', countPer: 'system', limits: ROOMY },
      { id: 'watched', countPer: 'extension', limits, action: 'alert' },
    ],
  });

/** No call waits for a message; what it costs is counting. */
const TARGET: Bound = { most: 1.3, failsAbove: 2 };

const KINDS = ['calm', 'storm'] as const;
type Kind = (typeof KINDS)[number];
const series = (): Record<Kind, number[]> => ({ calm: [], storm: [] });

export async function measureAlerts(
  processes: Processes,
  store: Store,
  options: {
    readonly rounds: number;
    readonly openMs: number;
    readonly onRound: (round: number) => void;
    readonly onDoubt: (text: string) => void;
  },
): Promise<Figure[]> {
  let messages = 0;
  const receiver = createServer((request, response) => {
    messages += 1;
    request.resume().on('end', () => response.end());
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  processes.onClose(async () => void receiver.close());
  const address = receiver.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const channels = { ops: { kind: 'webhook', url: `http://127.0.0.1:${port}`, secret: 'a secret of 20 chars' } };
  const alerts = `alerts: ${JSON.stringify({ channels, allowNetworks: ['127.0.0.0/8'] })}\n`;
  const servers = {
    calm: await startTollgate(processes, store, 'calm', policyWith(ROOMY), alerts),
    storm: await startTollgate(processes, store, 'storm', policyWith(['1/1d']), alerts),
  };
  const load = await processes.worker('agi-load');
  let raised = 0;
  const ask = async (kind: Kind, question: object) => {
    const answer = await load.ask({ ...question, lines: true, port: servers[kind].port });
    if (kind === 'storm') raised += answer['calls'] ?? 0;
    if ((answer['notAllowed'] ?? 0) > 0) options.onDoubt(`alerts: ${answer['notAllowed']} calls were not allowed`);
    return answer;
  };
  // Each extension has its one call of the day, so that all further ones exceed the limit.
  for (const kind of KINDS) {
    for (let calls = 0; calls < 2 * SUBJECTS; ) {
      calls += (await ask(kind, { kind: 'closed', connections: 20, forMs: 1000 }))['calls'] ?? 0;
    }
  }
  const [p50, p99] = [series(), series()];
  for (let round = 0; round < options.rounds; round += 1) {
    options.onRound(round);
    const [halves, tails] = [series(), series()];
    for (let slice = 0; slice < options.openMs / SLICE_MS; slice += 1) {
      for (const kind of slice % 2 === 0 ? KINDS : KINDS.toReversed()) {
        const answer = await ask(kind, { kind: 'open', perSecond: PER_SECOND, forMs: SLICE_MS });
        halves[kind].push(answer['p50'] ?? Number.NaN);
        tails[kind].push(answer['p99'] ?? Number.NaN);
      }
    }
    for (const kind of KINDS) {
      p50[kind].push(median(halves[kind]));
      p99[kind].push(median(tails[kind]));
    }
  }
  const ms = (value: number): string => `${show(value)} ms`;
  const compared = (figure: string, of: Record<Kind, number[]>, bound?: Bound): Figure => ({
    row: 'alerts',
    figure,
    tollgate: ms(median(of.storm)),
    against: `no alert, ${ms(median(of.calm))}`,
    ratio: ratioOf(of.storm, of.calm),
    ...(bound === undefined ? {} : { bound }),
  });
  return [
    compared('a call of 10,000 a minute, each of which raises an alert, p50', p50, TARGET),
    compared('the same, p99', p99),
    {
      row: 'alerts',
      figure: 'messages of that storm, of 5000 extensions',
      tollgate: `${messages} of ${raised} calls`,
      against: '',
      ratio: undefined,
      value: messages,
      bound: { most: 50, failsAbove: 200 },
    },
  ];
}
