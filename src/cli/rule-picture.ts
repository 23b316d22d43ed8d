/** Rules as people look at them: a table of all, and one with all that it permits in words. */
import { stringify } from 'yaml';
import type { RuleDocument } from '../policy/document.ts';
import { describeBriefly, describePermitted } from '../policy/rule-words.ts';
import { paint, plain, type Terminal, table } from './terminal.ts';

export const ruleTable = (terminal: Terminal, rules: readonly RuleDocument[]): string =>
  table(
    terminal,
    ['RULE', 'APPLIES TO', 'WHEN', 'COUNTED PER', 'LIMITS', 'ACTION', 'STATE'],
    rules.map((rule) => [
      rule.id,
      plain(describeScope(rule)),
      rule.during ?? (rule.not === undefined ? 'always' : `not ${rule.not}`),
      rule.countPer,
      plain(describeBriefly(rule)),
      rule.action,
      rule.enabled
        ? rule.mode === 'shadow'
          ? paint(terminal, 'yellow', 'shadow')
          : 'in force'
        : paint(terminal, 'dim', 'disabled'),
    ]),
  );

function describeScope(rule: RuleDocument): string {
  if (rule.appliesTo === 'all') return 'all';
  return Object.entries(rule.appliesTo)
    .flatMap(([key, values]) =>
      values === undefined ? [] : [`${key} ${values.slice(0, 4).join(', ')}${values.length > 4 ? ' …' : ''}`],
    )
    .join(' and ');
}

const COUNTED: Readonly<Record<RuleDocument['countPer'], string>> = {
  extension: 'each extension on its own',
  group: 'the group as a whole',
  trunk: 'each trunk on its own',
  number: 'each called number on its own',
  'extension-number': 'each extension and called number on their own',
  system: 'the whole system together',
};

/** What it applies to, what it permits at worst, and the rule as it is written. */
export function describeRule(terminal: Terminal, rule: RuleDocument): string {
  const lines = [
    `applies to ${plain(describeScope(rule))}, counted for ${COUNTED[rule.countPer]}`,
    ...describePermitted(rule),
  ].map((line) => `  ${line}\n`);
  return `${paint(terminal, 'bold', plain(rule.name ?? rule.id))}\n${lines.join('')}\n${stringify(rule)}`;
}
