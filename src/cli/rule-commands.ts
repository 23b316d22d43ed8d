/** `rules list|show|add|set|remove|enable|disable|shadow|enforce|reset`; `import` and `export` are in rule-csv-commands.ts. */
import type { Command } from 'commander';
import { stringify } from 'yaml';
import type { ShadowReport } from '../gate/shadow-report.ts';
import type { RuleDocument } from '../policy/document.ts';
import { type CommandContext, CommandFailed, EXIT, wantsJson } from './context.ts';
import { describeShadow, rulesDoctorCommand } from './doctor-commands.ts';
import { ruleCsvCommands } from './rule-csv-commands.ts';
import { fieldsOf, type RuleOptions, removalOptions, ruleOptions } from './rule-options.ts';
import { describeRule, ruleTable } from './rule-picture.ts';
import {
  addTemplate,
  describeAddition,
  refuseTemplateFlags,
  templateCommands,
  templateOptions,
} from './template-commands.ts';
import { json } from './terminal.ts';
import { readYamlFile } from './yaml-file.ts';

const EXAMPLES = {
  add: `
Examples:
  tollgate rules add call-centre --group call-centre --limit 30/1m
  tollgate rules add carrier-a-cps --trunk carrier-a --count-per trunk --limit 10/1s --action alert
  tollgate rules add carrier-a-pace --trunk carrier-a --count-per trunk --limit 20/1s --action wait --burst 1 --max-wait 5s
  tollgate rules add four-at-once --concurrent 4 --max-duration 60m
  tollgate rules add once-reached --count-per number --limit 7/7d --counting rolling --give-back-on busy,failed --hold-after answered=7d
  tollgate rules add --template call-centre --members 2001-2050 --shadow
  tollgate rules add --file rule.yaml`,
  set: `
Examples:
  tollgate rules set default --limit 5/1s --limit 100/1h
  tollgate rules set default --when-store-fails block
  tollgate rules set carrier-a-pace --while-waiting ringing --no-burst
  tollgate rules set four-at-once --concurrent 2 --no-max-duration`,
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

  const set = rules.command('set').description('change a rule; what is not named stays as it is').argument('<id>');
  removalOptions(ruleOptions(set))
    .option('--file <file>', 'take fields from a YAML or JSON file; - reads standard input')
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES.set)
    .action(async (id: string, options: RuleOptions, command: Command) => {
      const fromFile = options.file === undefined ? {} : (await readYamlFile(terminal, options.file)).tree;
      const fields: Record<string, unknown> = { ...fromFile, ...fieldsOf(options) };
      if (Object.keys(fields).length === 0)
        throw new CommandFailed('nothing to change; name at least one option, see --help', EXIT.usage);
      const client = context.client(command);
      if (namesOneLevel(options)) {
        const { spend, minutes } = await client.ask<RuleDocument>('GET', path(id));
        if (options.spendSoft ?? options.spendHard) fields['spend'] = withOther(spend, fields['spend']);
        if (options.minutesSoft ?? options.minutesHard) fields['minutes'] = withOther(minutes, fields['minutes']);
      }
      const rule = await client.ask<RuleDocument>('PATCH', path(id), fields);
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

/** Of a budget that has two. */
const namesOneLevel = ({ spendSoft, spendHard, minutesSoft, minutesHard }: RuleOptions): boolean =>
  (spendSoft === undefined) !== (spendHard === undefined) ||
  (minutesSoft === undefined) !== (minutesHard === undefined);

/** A level that is not named stays as it is. */
const withOther = (now: RuleDocument['spend'], named: unknown): unknown =>
  typeof named === 'object' && named !== null ? { ...now, ...named } : named;

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
