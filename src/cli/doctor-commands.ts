/** `rules doctor`: rules that have no effect or another than was meant; and what a rule in shadow would have done. */
import type { Command } from 'commander';
import type { RulesDoctorReport } from '../api/doctor-routes.ts';
import type { ShadowReport } from '../gate/shadow-report.ts';
import type { RuleFinding } from '../policy/rules-doctor.ts';
import { type CommandContext, EXIT, wantsJson } from './context.ts';
import { json, paint, plain, type Style, type Terminal } from './terminal.ts';

const STYLES: Readonly<Record<RuleFinding['severity'], Style>> = { error: 'red', warning: 'yellow', info: 'cyan' };

export function rulesDoctorCommand(rules: Command, context: CommandContext): void {
  const { terminal } = context;
  rules
    .command('doctor')
    .description('find rules that have no effect, or another than was meant, and say what mends them')
    .option('--days <number>', 'look for calls that rules applied to in so many days', '7')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      '\nExit code 1 if there is an error or a warning, 0 if not.\n\nExample:\n  tollgate rules doctor --days 30',
    )
    .action(async ({ days }: { readonly days: string }, command: Command) => {
      const query = new URLSearchParams({ days });
      const report = await context.client(command).ask<RulesDoctorReport>('GET', `/api/v1/doctor/rules?${query}`);
      const { findings } = report;
      if (wantsJson(command)) terminal.out(json(findings));
      else terminal.out(`${findings.map((each) => `${findingText(terminal, each)}\n`).join('')}${summary(report)}\n`);
      context.answer(findings.some(({ severity }) => severity !== 'info') ? EXIT.no : EXIT.done);
    });
}

/** One finding, with what mends it. */
export const findingText = (terminal: Terminal, { severity, rule, what, why, command }: RuleFinding): string =>
  `${paint(terminal, STYLES[severity], severity)}  ${paint(terminal, 'bold', rule)}: ${plain(what)}\n  ${plain(why)}\n  ${paint(terminal, 'dim', plain(command))}\n`;

function summary({ rules, calls, days, findings }: RulesDoctorReport): string {
  const counted = (severity: RuleFinding['severity'], word: string): string => {
    const many = findings.filter((each) => each.severity === severity).length;
    return many === 1 ? `1 ${word}` : `${many} ${word}s`;
  };
  const looked = `${rules} ${rules === 1 ? 'rule' : 'rules'} looked at, and ${calls} ${calls === 1 ? 'call' : 'calls'} of ${days} ${days === 1 ? 'day' : 'days'}`;
  return `${looked}: ${counted('error', 'error')}, ${counted('warning', 'warning')}, ${findings.filter((each) => each.severity === 'info').length} for information.`;
}

/** What a rule in shadow would have done in the last day. */
export function describeShadow(terminal: Terminal, report: ShadowReport): string {
  const { rule, calls, refusedAnyway, extensions, complete } = report;
  const lines = [paint(terminal, 'yellow', 'In shadow')];
  const atLeast = complete ? '' : 'at least ';
  if (calls === 0)
    lines.push(`  would have acted on ${complete ? 'no call' : 'none of the calls read'} in the last 24 hours`);
  else {
    const anyway = refusedAnyway === 0 ? '' : `, of which other rules refused ${refusedAnyway}`;
    lines.push(
      `  would have acted on ${atLeast}${calls} ${calls === 1 ? 'call' : 'calls'} in the last 24 hours${anyway}`,
      `  most: ${extensions.map((each) => `${plain(each.extension ?? 'unknown')} (${each.calls})`).join(', ')}`,
      `  tollgate calls list --shadow ${rule}`,
    );
  }
  return `${lines.join('\n')}\n`;
}
