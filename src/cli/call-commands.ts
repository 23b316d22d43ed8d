/** `check`, `explain` (what would happen) and `calls list|show|tail` (what did). */
import { type Command, Option } from 'commander';
import type { CallsPage, Outage } from '../gate/journal.ts';
import type { DecisionReport, ExplanationReport, FindingReport, LimitReport } from '../gate/report.ts';
import { VERDICTS } from '../policy/actions/action.ts';
import { describeMs } from '../policy/rule-words.ts';
import { type CommandContext, CommandFailed, EXIT, wantsJson } from './context.ts';
import { costCommand } from './cost-command.ts';
import { liveCallCommands } from './live-call-commands.ts';
import { duration, json, localTime, paint, plain, type Terminal, table, VERDICT_STYLES } from './terminal.ts';

interface QuestionOptions {
  readonly extension?: string;
  readonly trunk?: string;
  readonly campaign?: string;
  readonly kind?: string;
  readonly source?: string;
  readonly zone?: string;
  readonly at?: string;
}

export function callCommands(program: Command, context: CommandContext): void {
  const { terminal } = context;
  for (const [name, about] of [
    ['check', 'say what would happen to a call now; counts nothing'],
    ['explain', 'the same, with every rule, why it applies, and its counts'],
  ] as const) {
    program
      .command(name)
      .description(about)
      .argument('<destination>', 'the number as it would be dialled')
      .option('-e, --extension <extension>', 'who calls')
      .option('-t, --trunk <trunk>', 'over which trunk')
      .option('--campaign <campaign>', 'for which campaign')
      .option('--kind <kind>', 'how a dialler makes it: predictive, manual, three-way and so on')
      .option('--source <address>', 'from which address')
      .option('--zone <zone>', 'time zone of the called party, for example America/Chicago')
      .option('--at <time>', 'at another time, for example 2026-11-21T18:30:00Z')
      .option('--json', 'as JSON')
      .addHelpText(
        'after',
        `\nExit code 0 if the call may go, at once or after it waited, 1 if not.\n\nExample:\n  tollgate ${name} 15551234567 --extension 1001 --trunk carrier-a`,
      )
      .action(async (destination: string, options: QuestionOptions, command: Command) => {
        const { extension, trunk, campaign, kind, source, zone, at } = options;
        const body = {
          destination,
          extension,
          trunk,
          campaign,
          kind,
          source,
          zone,
          at: at === undefined ? undefined : readTime(at),
        };
        const answer = await context.client(command).ask<ExplanationReport>('POST', `/api/v1/${name}`, body);
        if (wantsJson(command)) terminal.out(json(answer));
        else
          terminal.out(
            `${describeVerdict(terminal, answer, 'would')}${name === 'explain' ? `\n${findingsTable(terminal, answer.findings)}` : ''}`,
          );
        context.answer(goes(answer) ? EXIT.done : EXIT.no);
      });
  }

  const calls = program.command('calls').description('what was decided, and why');
  calls
    .command('list')
    .description(
      'refused, alerted, paced and failed-store decisions, and what shadow rules would have met, newest first',
    )
    .option('-n, --limit <number>', 'how many', '50')
    .addOption(new Option('--verdict <verdict>', 'only with this verdict').choices([...VERDICTS]))
    .option('-e, --extension <extension>', 'only of this extension')
    .option('-t, --trunk <trunk>', 'only over this trunk')
    .option('--rule <rule>', 'only decided by this rule')
    .option('--shadow <rule>', 'only those that this rule would have acted on while it was in shadow')
    .option('--destination <digits>', 'only to numbers that contain these digits')
    .option('--since <time>', 'only since this time')
    .option('--outages', 'list the times in which the store was away instead')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  tollgate calls list --extension 1001\n  tollgate calls list --verdict block --since 2026-11-21T00:00:00Z\n  tollgate calls list --verdict wait --trunk carrier-a\n  tollgate calls list --shadow after-hours',
    )
    .action(async (options: Readonly<Record<string, string>> & { readonly outages?: boolean }, command: Command) => {
      const client = context.client(command);
      if (options.outages) {
        const outages = await client.ask<Outage[]>('GET', '/api/v1/outages');
        terminal.out(wantsJson(command) ? json(outages) : outageTable(terminal, outages));
        return;
      }
      const found = await listCalls(options, (query) => client.ask<CallsPage>('GET', `/api/v1/calls?${query}`));
      if (wantsJson(command)) terminal.out(json(found));
      else if (found.length === 0) terminal.out('No such decision is kept. Plain allows are counted and not kept.\n');
      else terminal.out(callTable(terminal, found));
    });

  calls
    .command('show')
    .description('everything about one decision: the answer to "why was this call refused?"')
    .argument('<id>', 'TOLLGATE_DECISION of the call, or the id from calls list')
    .option('--json', 'as JSON')
    .action(async (id: string, _options, command: Command) => {
      const call = await context.client(command).ask<DecisionReport>('GET', `/api/v1/calls/${encodeURIComponent(id)}`);
      if (wantsJson(command)) terminal.out(json(call));
      else
        terminal.out(
          `Decision ${call.id}, ${localTime(call.at)}, node ${call.node}, ${call.tookMs} ms\n${describeVerdict(terminal, call, 'did')}${becameOf(call)}\n${findingsTable(terminal, call.findings, call.rulesNotListed)}`,
        );
    });

  costCommand(calls, context);
  liveCallCommands(calls, context);
  calls
    .command('tail')
    .description('decisions of this daemon as they are made, until Ctrl-C')
    .option('--json', 'one JSON object a line')
    .action(async (_options, command: Command) => {
      const asJson = wantsJson(command);
      const show = (call: DecisionReport): void =>
        terminal.out(asJson ? `${JSON.stringify(call)}\n` : `${callLine(terminal, call)}\n`);
      await context.client(command).follow<DecisionReport>('/api/v1/calls/tail', show, terminal.signal);
    });
}

function readTime(text: string): string {
  const at = new Date(text);
  if (Number.isNaN(at.getTime()))
    throw new CommandFailed(`"${text}" is not a time; write one like 2026-11-21T18:30:00Z`, EXIT.usage);
  return at.toISOString();
}

async function listCalls(
  options: Readonly<Record<string, string>>,
  page: (query: URLSearchParams) => Promise<CallsPage>,
): Promise<DecisionReport[]> {
  const wanted = Number(options['limit']);
  if (!Number.isInteger(wanted) || wanted < 1)
    throw new CommandFailed('--limit is not a whole number above 0', EXIT.usage);
  const found: DecisionReport[] = [];
  let cursor: string | null = '';
  while (cursor !== null && found.length < wanted) {
    const query = new URLSearchParams({ limit: String(Math.min(1000, wanted - found.length)) });
    if (cursor !== '') query.set('cursor', cursor);
    for (const key of ['verdict', 'extension', 'trunk', 'rule', 'destination', 'shadow'] as const) {
      const value = options[key];
      if (value !== undefined) query.set(key, value);
    }
    if (options['since'] !== undefined) query.set('since', readTime(options['since']));
    const answer = await page(query);
    found.push(...answer.calls);
    cursor = answer.cursor;
  }
  return found;
}

/** The call leaves, if only after it waited. */
function goes({ verdict }: Pick<ExplanationReport, 'verdict'>): boolean {
  switch (verdict) {
    case 'allow':
    case 'alert':
    case 'wait':
      return true;
    case 'hold':
    case 'block':
      return false;
    default:
      return verdict satisfies never;
  }
}

/** @param tense whether it is about a call that there was */
function describeVerdict(terminal: Terminal, answer: ExplanationReport, tense: 'would' | 'did'): string {
  const word = paint(terminal, VERDICT_STYLES[answer.verdict] ?? 'bold', answer.verdict.toUpperCase());
  const who = answer.extension === null ? 'an unknown extension' : `extension ${plain(answer.extension)}`;
  const label = ['', 'unknown'].includes(answer.destinationLabel) ? '' : ` (${plain(answer.destinationLabel)})`;
  const over = answer.trunk === null ? '' : ` over ${plain(answer.trunk)}`;
  const lines = [`${word}  ${who} to ${plain(answer.destination)}${label}${over}`, `${sentence(plain(answer.reason))}`];
  if (goes(answer)) {
    if (answer.waitMs) {
      lines.push(
        `It ${tense === 'would' ? 'would wait' : 'was to wait'} ${describeMs(answer.waitMs)} for its place, and then go.`,
      );
    }
    if (answer.maxSeconds) {
      lines.push(
        `It ${tense === 'would' ? 'would be' : 'was to be'} ended after ${describeMs(answer.maxSeconds * 1000)}.`,
      );
    }
  } else lines.push(...whenAllowed(answer));
  if (answer.store === 'failed')
    lines.push(
      `The counts could not be read (${plain(answer.storeProblem ?? '')}): each rule's whenStoreFails decided.`,
    );
  return `${lines.join('\n')}\n`;
}

function whenAllowed({ retryAfterSeconds, verdict, layer, rule, store, findings }: ExplanationReport): string[] {
  if (retryAfterSeconds !== null)
    return retryAfterSeconds > 0 ? [`It would be allowed in ${duration(retryAfterSeconds)}.`] : [];
  if (layer === 'ban') return ['It will not be allowed until the ban is lifted.'];
  if (layer === 'lock') return ['It will not be allowed until a person clears the lock: tollgate locks list.'];
  const decisive = findings.find((each) => each.rule === rule);
  if (decisive?.limits.some(({ kind, retryAfterSeconds: after }) => kind === 'concurrent' && after === null))
    return ['It would be allowed as soon as one of the calls under way is over.'];
  if (verdict === 'hold') return ['It would be allowed as soon as a person approves it.'];
  return rule === null || store === 'failed' ? [] : ['It will not be allowed until the rule is changed.'];
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

/** So many that do not apply tell what there is to be told; a policy may have thousands. */
const MOST_NOT_APPLYING = 50;

/** @param notListed rules that the findings leave out */
function findingsTable(terminal: Terminal, findings: readonly FindingReport[], notListed = 0): string {
  if (findings.length === 0 && notListed === 0) return 'No rule was looked at.\n';
  let notApplying = 0;
  const shown = findings.filter(({ applies }) => applies || ++notApplying <= MOST_NOT_APPLYING);
  const left = notListed + findings.length - shown.length;
  const rows = shown.flatMap((finding) => {
    const mode = finding.mode === 'shadow' ? ' (shadow)' : '';
    const first = [`${finding.rule}${mode}`, stateOf(terminal, finding), finding.action];
    if (finding.limits.length === 0) return [[...first, '', '', '', plain(finding.because)]];
    return finding.limits.map((each, index) => [
      ...(index === 0 ? first : ['', '', '']),
      plain(each.subject),
      each.limit,
      usedOf(each),
      index === 0 ? `${plain(finding.because)}${finding.alreadyCharged ? '; charged before' : ''}` : '',
    ]);
  });
  const headers = ['RULE', 'APPLIES', 'ACTION', 'COUNTED FOR', 'LIMIT', 'USED', 'BECAUSE'];
  const more =
    left === 0
      ? ''
      : `and ${left.toLocaleString('en-US')} more that did not decide; tollgate explain --json has every rule\n`;
  return `${table(terminal, headers, rows)}${more}`;
}

function stateOf(terminal: Terminal, { applies, exceeded, waitMs }: FindingReport): string {
  if (!applies) return paint(terminal, 'dim', 'no');
  if (!exceeded) return paint(terminal, 'green', 'passes');
  return waitMs ? paint(terminal, 'cyan', `waits ${describeMs(waitMs)}`) : paint(terminal, 'red', 'acts');
}

function usedOf({ kind, limit, currency, used, usedAfter, retryAfterSeconds }: LimitReport): string {
  const counts = used === usedAfter ? String(used) : `${used} → ${usedAfter}`;
  switch (kind) {
    case 'concurrent':
      return `${counts} of ${limit}`;
    case 'spend':
      return `${currency ?? ''} ${counts}`.trim();
    case 'minutes':
      return `${counts} min`;
    case 'hold':
      return used === 0 ? 'free' : `held for ${duration(retryAfterSeconds ?? 0)}`;
    default:
      return counts;
  }
}

const callTable = (terminal: Terminal, calls: readonly DecisionReport[]): string =>
  table(
    terminal,
    ['TIME', 'VERDICT', 'EXTENSION', 'DESTINATION', 'TRUNK', 'RULE', 'LASTED', 'COST', 'DECISION'],
    calls.map((call) => [
      localTime(call.at),
      verdictOf(terminal, call),
      plain(call.extension ?? '?'),
      plain(call.destination),
      plain(call.trunksTried.length > 1 ? call.trunksTried.join(' → ') : (call.trunk ?? '')),
      ruleOf(call),
      lastedOf(call),
      costOf(call),
      call.id,
    ]),
  );

const lastedOf = ({ end, held }: DecisionReport): string =>
  end !== null ? duration(end.seconds) : held === null ? '' : held.state;

const costOf = ({ end }: DecisionReport): string =>
  end?.cost == null ? '' : `${end.currency ?? ''} ${end.cost.toFixed(2)}`.trim();

/** What became of it, a line each; nothing where nobody saw it. */
function becameOf({ end, held, trunksTried, extensionName }: DecisionReport): string {
  const lines = [
    ...(extensionName === null ? [] : [`Extension: ${plain(extensionName)}`]),
    ...(trunksTried.length > 1 ? [`Trunks tried: ${plain(trunksTried.join(', '))}`] : []),
    ...(held === null
      ? []
      : [`Held for ${describeMs(held.waitedMs)}: ${held.state}${held.by === null ? '' : ` by ${plain(held.by)}`}`]),
    ...(end === null ? [] : [describeEnd(end)]),
  ];
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

function describeEnd({ seconds, talkSeconds, outcome, cost, currency }: NonNullable<DecisionReport['end']>): string {
  const talked = talkSeconds === null ? 'nobody answered' : `${duration(talkSeconds)} of talk`;
  const came = outcome === null ? '' : `, ${plain(outcome)}`;
  return `It lasted ${duration(seconds)}, ${talked}${came}${cost === null ? '' : `; ${currency ?? ''} ${cost.toFixed(2)}`}.`;
}

const verdictOf = (terminal: Terminal, { verdict, waitMs }: DecisionReport, width = 0): string =>
  paint(
    terminal,
    VERDICT_STYLES[verdict] ?? 'bold',
    (waitMs ? `${verdict} ${describeMs(waitMs)}` : verdict).padEnd(width),
  );

/** What decided where it was no rule; with a blank, which no id of a rule has. */
const LAYER_WORDS: Readonly<Record<Exclude<ExplanationReport['layer'], 'rules'>, string>> = {
  emergency: 'emergency number',
  registration: 'phone elsewhere',
  allowlist: 'allowed address',
  ban: 'banned address',
  country: 'refused country',
  lock: 'locked',
};

/** What decided; where nothing did, the rules that would have if they were not in shadow. */
function ruleOf({ layer, rule, store, findings }: DecisionReport): string {
  if (layer !== 'rules') return LAYER_WORDS[layer];
  if (rule !== null) return rule;
  if (store === 'failed') return 'store away';
  const shadows = findings.filter((each) => each.mode === 'shadow' && each.applies && each.exceeded);
  return shadows.map((each) => `${each.rule} (shadow)`).join(', ');
}

const callLine = (terminal: Terminal, call: DecisionReport): string =>
  [
    localTime(call.at),
    verdictOf(terminal, call, 5),
    `${plain(call.extension ?? '?')} → ${plain(call.destination)}${call.trunk === null ? '' : ` over ${plain(call.trunk)}`}`,
    paint(terminal, 'dim', `${plain(call.reason)} (${call.id})`),
  ].join('  ');

const outageTable = (terminal: Terminal, outages: readonly Outage[]): string =>
  outages.length === 0
    ? 'The store was never away in the time that is kept.\n'
    : table(
        terminal,
        ['FROM', 'TO', 'NODE', 'ALLOWED', 'REFUSED', 'WHY'],
        outages.map((each) => [
          localTime(each.from),
          localTime(each.to),
          each.node,
          String(each.allowed),
          String(each.refused),
          plain(each.why),
        ]),
      );
