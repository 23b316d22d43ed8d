/** `rules list|show|add|set|remove|enable|disable|shadow|enforce|reset`; `import` and `export` are in rule-csv-commands.ts. */
import { type Command, Option } from 'commander';
import { stringify } from 'yaml';
import type { ShadowReport } from '../gate/shadow-report.ts';
import { ACTIONS } from '../policy/actions/registry.ts';
import { COUNT_PER } from '../policy/call.ts';
import type { RuleDocument } from '../policy/document.ts';
import { COUNTING, describeLimit, describePeriod, parseLimit, worstCasePerPeriod } from '../policy/limit.ts';
import { type CommandContext, CommandFailed, collect, EXIT, wantsJson } from './context.ts';
import { describeShadow, rulesDoctorCommand } from './doctor-commands.ts';
import { ruleCsvCommands } from './rule-csv-commands.ts';
import {
  addTemplate,
  describeAddition,
  refuseTemplateFlags,
  type TemplateFlags,
  templateCommands,
  templateOptions,
} from './template-commands.ts';
import { json, paint, plain, type Terminal, table } from './terminal.ts';
import { readYamlFile } from './yaml-file.ts';

interface RuleOptions extends TemplateFlags {
  readonly name?: string;
  readonly all?: boolean;
  readonly extension?: readonly string[];
  readonly group?: readonly string[];
  readonly trunk?: readonly string[];
  readonly destination?: readonly string[];
  readonly campaign?: readonly string[];
  readonly permission?: readonly string[];
  readonly during?: string;
  readonly not?: string;
  readonly countPer?: string;
  readonly limit?: readonly string[];
  readonly noLimits?: boolean;
  readonly counting?: string;
  readonly action?: string;
  readonly hangupCause?: string;
  readonly prompt?: string;
  readonly mode?: string;
  readonly whenStoreFails?: string;
  readonly disabled?: boolean;
  readonly file?: string;
}

const EXAMPLES = {
  add: `
Examples:
  tollgate rules add call-centre --group call-centre --limit 30/1m
  tollgate rules add carrier-a-cps --trunk carrier-a --count-per trunk --limit 10/1s --action alert
  tollgate rules add --template call-centre --members 2001-2050 --shadow
  tollgate rules add --file rule.yaml`,
  set: `
Examples:
  tollgate rules set default --limit 5/1s --limit 100/1h
  tollgate rules set default --when-store-fails block`,
  reset: `
Examples:
  tollgate rules reset default
  tollgate rules reset default --extension 1001`,
};

export function ruleCommands(program: Command, context: CommandContext): void {
  const { terminal } = context;
  const rules = program.command('rules').description('the rules, one by one');
  templateCommands(rules, context);
  rulesDoctorCommand(rules, context);
  const path = (id: string, verb = ''): string => `/api/v1/rules/${encodeURIComponent(id)}${verb}`;
  const tell = (command: Command, rule: RuleDocument, done: string): void =>
    terminal.out(wantsJson(command) ? json(rule) : `${done}\n${describeRule(terminal, rule)}`);

  rules
    .command('list')
    .description('list all rules')
    .option('--json', 'as JSON')
    .action(async (_options, command: Command) => {
      const all = await context.client(command).ask<RuleDocument[]>('GET', '/api/v1/rules');
      if (wantsJson(command)) terminal.out(json(all));
      else if (all.length === 0)
        terminal.out('There are no rules: every call is allowed. Add one with: tollgate rules add\n');
      else terminal.out(ruleTable(terminal, all));
    });

  rules
    .command('show')
    .description('show one rule, what it permits, and its worst case')
    .argument('<id>')
    .option('--json', 'as JSON')
    .action(async (id: string, _options, command: Command) => {
      const rule = await context.client(command).ask<RuleDocument>('GET', path(id));
      if (wantsJson(command) || rule.mode !== 'shadow') {
        terminal.out(wantsJson(command) ? json(rule) : describeRule(terminal, rule));
        return;
      }
      const report = await context.client(command).ask<ShadowReport>('GET', path(id, '/shadow-report'));
      terminal.out(`${describeRule(terminal, rule)}\n${describeShadow(terminal, report)}`);
    });

  templateOptions(ruleOptions(rules.command('add').description('add a rule').argument('[id]')))
    .option('--file <file>', 'take the rule from a YAML or JSON file; - reads standard input')
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES.add)
    .action(async (id: string | undefined, options: RuleOptions, command: Command) => {
      if (options.template !== undefined) {
        const { template } = options;
        const added = await addTemplate(context.client(command), command, id, { ...options, template });
        const done = `Rule ${added.id} is ${stateOf(added)}.\n${describeAddition(terminal, added, options)}`;
        terminal.out(wantsJson(command) ? json(added) : done);
        return;
      }
      refuseTemplateFlags(options);
      const fromFile = options.file === undefined ? {} : (await readYamlFile(terminal, options.file)).tree;
      const rule = { ...fromFile, ...(id === undefined ? {} : { id }), ...fieldsOf(options) };
      if (!('id' in rule)) throw new CommandFailed('a rule needs an id: tollgate rules add ID …', EXIT.usage);
      const added = await context.client(command).ask<RuleDocument>('POST', '/api/v1/rules', rule);
      tell(command, added, `Rule ${added.id} is ${stateOf(added)}.`);
    });

  ruleOptions(rules.command('set').description('change a rule; what is not named stays as it is').argument('<id>'))
    .option('--file <file>', 'take fields from a YAML or JSON file; - reads standard input')
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES.set)
    .action(async (id: string, options: RuleOptions, command: Command) => {
      const fromFile = options.file === undefined ? {} : (await readYamlFile(terminal, options.file)).tree;
      const fields = { ...fromFile, ...fieldsOf(options) };
      if (Object.keys(fields).length === 0)
        throw new CommandFailed('nothing to change; name at least one option, see --help', EXIT.usage);
      const rule = await context.client(command).ask<RuleDocument>('PATCH', path(id), fields);
      tell(command, rule, `Rule ${rule.id} is changed and ${stateOf(rule)}.`);
    });

  rules
    .command('remove')
    .description('remove rules; prints them, so that they can be added again')
    .argument('<id...>')
    .option('--json', 'as JSON')
    .action(async (ids: readonly string[], _options, command: Command) => {
      const client = context.client(command);
      const removed: RuleDocument[] = [];
      for (const id of ids) removed.push(await client.ask<RuleDocument>('DELETE', path(id)));
      if (wantsJson(command)) terminal.out(json(removed));
      else
        for (const rule of removed)
          terminal.out(
            `Rule ${rule.id} is removed. To bring it back: tollgate rules add --file - with\n${stringify(rule)}`,
          );
    });

  for (const [verb, about] of [
    ['enable', 'enable a rule'],
    ['disable', 'disable a rule'],
    ['shadow', 'let a rule count and report, and never act'],
    ['enforce', 'let a rule act that was in shadow; it keeps what it has counted'],
  ] as const) {
    rules
      .command(verb)
      .description(about)
      .argument('<id>')
      .option('--json', 'as JSON')
      .addHelpText('after', `\nExample:\n  tollgate rules ${verb} default`)
      .action(async (id: string, _options, command: Command) => {
        const rule = await context.client(command).ask<RuleDocument>('POST', path(id, `/${verb}`));
        terminal.out(
          wantsJson(command) ? json(rule) : `Rule ${rule.id} is ${stateOf(rule)}.\n${afterwards(verb, rule)}`,
        );
      });
  }

  ruleCsvCommands(rules, context);

  rules
    .command('reset')
    .description('forget what a rule has counted: for everyone, or for one subject')
    .argument('<id>')
    .option('--extension <extension>', 'only this extension')
    .option('--group <group>', 'only this group')
    .option('--trunk <trunk>', 'only this trunk')
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES.reset)
    .action(async (id: string, options: Readonly<Record<string, string>>, command: Command) => {
      const [subject] = (['extension', 'group', 'trunk'] as const).flatMap((kind) => {
        const named = options[kind];
        return named === undefined ? [] : [{ kind, id: named }];
      });
      const rule = await context.client(command).ask<RuleDocument>('POST', path(id, '/reset'), { subject });
      const whom = subject === undefined ? 'for everyone' : `for ${subject.kind} ${subject.id}`;
      terminal.out(wantsJson(command) ? json(rule) : `Rule ${rule.id} counts from zero again ${whom}.\n`);
    });
}

const stateOf = (rule: RuleDocument): string =>
  rule.enabled
    ? rule.mode === 'shadow'
      ? 'in shadow: it counts and reports, and never acts'
      : 'in force'
    : 'disabled';

function afterwards(verb: 'enable' | 'disable' | 'shadow' | 'enforce', { id, enabled }: RuleDocument): string {
  if (verb === 'shadow') return `What it would have done: tollgate calls list --shadow ${id}\n`;
  if (verb === 'enforce' && !enabled) return `To switch it on: tollgate rules enable ${id}\n`;
  return verb === 'enforce' ? `What it counted in shadow counts on; to begin anew: tollgate rules reset ${id}\n` : '';
}

function ruleOptions(command: Command): Command {
  return command
    .option('--name <name>', 'name for people')
    .option('--all', 'applies to every call')
    .option('--extension <list>', 'applies to these extensions: 1001, 2001-2050, 21xx; may be repeated', collect)
    .option('--group <list>', 'applies to these groups; may be repeated', collect)
    .option('--trunk <list>', 'applies to these trunks; may be repeated', collect)
    .option('--destination <list>', 'applies to these destinations: international, country:CU, an own list', collect)
    .option('--campaign <list>', 'applies to these campaigns; may be repeated', collect)
    .option('--permission <list>', 'applies to extensions with these permissions', collect)
    .option('--during <schedule>', 'in force while this schedule is open')
    .option('--not <schedule>', 'in force while this schedule is closed')
    .addOption(new Option('--count-per <what>', 'counted separately for each').choices([...COUNT_PER]))
    .option(
      '--limit <limit>',
      'calls/period such as 5/1s, 30/1m, 2/1h, 100/1d; may be repeated, all must hold',
      collect,
    )
    .option('--no-limits', 'act on every call that the rule applies to')
    .addOption(
      new Option(
        '--counting <method>',
        'rolling: never more than the limit in any period; bucket: at most twice',
      ).choices([...COUNTING]),
    )
    .addOption(new Option('--action <action>', 'what happens then').choices(Object.keys(ACTIONS)))
    .option('--hangup-cause <cause>', 'block: Q.850 cause, 21 is call rejected')
    .option('--prompt <file>', 'block: sound file, or none')
    .addOption(new Option('--mode <mode>', 'shadow counts and reports, and never acts').choices(['enforce', 'shadow']))
    .addOption(new Option('--when-store-fails <direction>', 'when counts cannot be read').choices(['allow', 'block']))
    .option('--disabled', 'add it switched off');
}

function fieldsOf(options: RuleOptions & { readonly limits?: boolean }): Record<string, unknown> {
  const scope = Object.fromEntries(
    (
      [
        ['extensions', options.extension],
        ['groups', options.group],
        ['trunks', options.trunk],
        ['destinations', options.destination],
        ['campaigns', options.campaign],
        ['permissions', options.permission],
      ] as const
    ).filter(([, list]) => list !== undefined),
  );
  const fields: Record<string, unknown> = {
    name: options.name,
    appliesTo: options.all ? 'all' : Object.keys(scope).length > 0 ? scope : undefined,
    countPer: options.countPer,
    during: options.during,
    not: options.not,
    limits: options.limits === false ? [] : options.limit,
    counting: options.counting,
    action: options.action,
    hangupCause: options.hangupCause === undefined ? undefined : Number(options.hangupCause),
    prompt: options.prompt,
    mode: options.shadow === true ? 'shadow' : options.mode,
    whenStoreFails: options.whenStoreFails,
    enabled: options.disabled ? false : undefined,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

const ruleTable = (terminal: Terminal, rules: readonly RuleDocument[]): string =>
  table(
    terminal,
    ['RULE', 'APPLIES TO', 'WHEN', 'COUNTED PER', 'LIMITS', 'ACTION', 'STATE'],
    rules.map((rule) => [
      rule.id,
      plain(describeScope(rule)),
      rule.during ?? (rule.not === undefined ? 'always' : `not ${rule.not}`),
      rule.countPer,
      describeLimits(rule),
      rule.action,
      rule.enabled
        ? rule.mode === 'shadow'
          ? paint(terminal, 'yellow', 'shadow')
          : 'in force'
        : paint(terminal, 'dim', 'disabled'),
    ]),
  );

function describeLimits(rule: RuleDocument): string {
  if (rule.limits.length === 0) return 'every call';
  return `${rule.limits.join(' and ')}${rule.counting === 'rolling' ? ', rolling' : ''}`;
}

function describeScope(rule: RuleDocument): string {
  if (rule.appliesTo === 'all') return 'all';
  return Object.entries(rule.appliesTo)
    .flatMap(([key, values]) =>
      values === undefined ? [] : [`${key} ${values.slice(0, 4).join(', ')}${values.length > 4 ? ' …' : ''}`],
    )
    .join(' and ');
}

function describeRule(terminal: Terminal, rule: RuleDocument): string {
  const limits = rule.limits.flatMap((text) => {
    const limit = parseLimit(text);
    return 'problem' in limit ? [] : [limit];
  });
  const counted = {
    extension: 'each extension on its own',
    group: 'the group as a whole',
    trunk: 'each trunk on its own',
    number: 'each called number on its own',
    'extension-number': 'each extension and called number on their own',
    system: 'the whole system together',
  }[rule.countPer];
  const lines = limits.map(
    (limit) =>
      `  ${describeLimit(limit)}; at worst ${worstCasePerPeriod(limit, rule.counting)} start within ${describePeriod(limit.periodSeconds)}`,
  );
  const what = lines.length === 0 ? ['  acts on every call that it applies to'] : lines;
  const words = [`  applies to ${plain(describeScope(rule))}, counted for ${counted}`, ...what].join('\n');
  return `${paint(terminal, 'bold', plain(rule.name ?? rule.id))}\n${words}\n\n${stringify(rule)}`;
}
