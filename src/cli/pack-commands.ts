/** Starter packs on the command line: `rules templates`, and `rules templates office` with the figures that it asks for. */
import { writeFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { stringify } from 'yaml';
import type { PackAnswer, PackProposalAnswer } from '../api/packs-routes.ts';
import { messageOf } from '../errors.ts';
import type { PolicyDocument } from '../policy/document.ts';
import { type CommandContext, CommandFailed, collect, EXIT, wantsJson } from './context.ts';
import { describeDifference, type PolicyAnswer } from './policy-commands.ts';
import { parseWindow } from './schedule-commands.ts';
import { json, paint, plain, type Terminal, wrapped } from './terminal.ts';

export interface PackOptions {
  readonly home?: string;
  readonly known?: readonly string[];
  readonly extensionMoney?: string;
  readonly siteMoney?: string;
  readonly hours?: readonly string[];
  readonly zone?: string;
  readonly out?: string;
}

/** By the names of the API. */
const FLAGS: Readonly<Record<string, string>> = {
  homeCountry: '--home',
  knownCountries: '--known',
  extensionPerDay: '--extension-money',
  sitePerDay: '--site-money',
  hours: '--hours',
  timezone: '--zone',
};

const OPTIONS: Readonly<Record<string, keyof PackOptions>> = {
  homeCountry: 'home',
  knownCountries: 'known',
  extensionPerDay: 'extensionMoney',
  sitePerDay: 'siteMoney',
  hours: 'hours',
  timezone: 'zone',
};

const collectOne = (value: string, previous: readonly string[] | undefined): string[] => [...(previous ?? []), value];

export const packOptions = (command: Command): Command =>
  command
    .addOption(new Option('--home <country>', 'of a pack: home country, such as US; otherwise that of the policy'))
    .addOption(
      new Option('--known <countries>', 'of a pack: countries that are called often, such as CA,GB').argParser(collect),
    )
    .option('--extension-money <amount>', 'of a pack: money a day for calls abroad of one extension')
    .option('--site-money <amount>', 'of a pack: money a day for calls abroad of all together')
    .option(
      '--hours <window>',
      'of a pack: when people work, such as "mon-fri 08:00-18:00"; may be repeated',
      collectOne,
    )
    .option('--zone <zone>', "of a pack: time zone of these hours, such as America/New_York; otherwise the policy's")
    .option('--out <file>', 'of a pack: write the whole policy with it there');

/** What the policy would become with a pack. Changes nothing but the file of `--out`. */
export async function showPack(
  context: CommandContext,
  command: Command,
  name: string,
  options: PackOptions,
): Promise<void> {
  const { terminal } = context;
  const client = context.client(command);
  const { document } = await client.ask<PolicyAnswer>('GET', '/api/v1/policy');
  const asked = (await client.ask<PackAnswer[]>('GET', '/api/v1/packs')).find((pack) => pack.name === name);
  const figures = figuresOf(
    asked === undefined ? options : await filledIn(terminal, command, asked, options, document),
  );
  const pack = await client.ask<PackProposalAnswer>('POST', `/api/v1/packs/${encodeURIComponent(name)}`, figures);
  if (options.out !== undefined) {
    const { out } = options;
    await writeFile(out, stringify(pack.document)).catch((error: unknown) => {
      throw new CommandFailed(`${out} cannot be written: ${messageOf(error)}`);
    });
  }
  if (wantsJson(command)) {
    terminal.out(json(pack));
    return;
  }
  // Made by the daemon, of a document that it accepted.
  const wanted = pack.document as PolicyDocument;
  const difference = describeDifference(terminal, document, wanted, options.out ?? `with ${pack.name}`);
  const next =
    options.out === undefined
      ? 'Nothing was changed. To keep it: the same with --out policy.yaml, then tollgate policy apply policy.yaml'
      : `Look at it, try it on last month (tollgate simulate CDR.csv --policy ${options.out} --rates RATES.csv), then: tollgate policy apply ${options.out}`;
  terminal.out(
    `${describePack(terminal, pack)}\n${difference ?? 'The policy has all of it already.\n'}\n${plain(next)}\n`,
  );
}

const figuresOf = (options: PackOptions) => ({
  homeCountry: options.home?.toUpperCase(),
  knownCountries: options.known?.map((country) => country.toUpperCase()),
  extensionPerDay: options.extensionMoney,
  sitePerDay: options.siteMoney,
  hours: options.hours?.map(parseWindow),
  timezone: options.zone,
});

/**
 * With the figures that were not given: as somebody at the terminal says, otherwise the usual ones.
 *
 * @throws {CommandFailed} where one that has no usual value is missing, with the options
 */
async function filledIn(
  terminal: Terminal,
  command: Command,
  { figures }: PackAnswer,
  options: PackOptions,
  { homeCountry, timezone }: PolicyDocument,
): Promise<PackOptions> {
  const answers: Record<string, string | readonly string[]> = {};
  for (const { name, what, usual } of figures) {
    const flag = FLAGS[name] ?? name;
    const option = OPTIONS[name];
    if (option === undefined || options[option] !== undefined) continue;
    const without = name === 'homeCountry' ? (homeCountry ?? null) : name === 'timezone' ? timezone : usual;
    if (terminal.ask === undefined || wantsJson(command)) {
      if (without !== null) continue;
      const missing = `${flag} is missing, and the policy has no homeCountry`;
      throw new CommandFailed(`${missing}; a pack takes ${Object.values(FLAGS).join(', ')}`, EXIT.usage);
    }
    const text = await terminal.ask(`${capital(plain(what))}${without === null ? '' : ` [${plain(without)}]`}:`);
    if (text === '' && without === null)
      throw new CommandFailed(`without it there is no pack; it is also ${flag}`, EXIT.usage);
    if (text !== '')
      answers[option] = option === 'known' ? collect(text, undefined) : option === 'hours' ? [text] : text;
  }
  return { ...options, ...answers };
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

export function describePack(terminal: Terminal, { name, title, says, worstCase, figures }: PackAnswer): string {
  const asks = figures.map(
    ({ name: figure, what, usual }) =>
      `  ${(FLAGS[figure] ?? figure).padEnd(18)} ${plain(what)}${usual === null ? '' : ` (${usual})`}\n`,
  );
  return [
    `${paint(terminal, 'bold', name)}  ${title}\n${wrapped(plain(says))}\n`,
    `${wrapped(`At worst: ${plain(worstCase)}`)}\n`,
    ...asks,
    `  ${paint(terminal, 'dim', `tollgate rules templates ${name} --home US --known CA,GB --out policy.yaml`)}\n`,
  ].join('');
}
