/**
 * Writes made-up traffic as files: call records, and the rate sheet that goes with them.
 *
 * `npx tsx test/traffic/write.ts SITE FOLDER [ATTACK…] [--weeks N] [--seed N]`
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ATTACK_NAMES, attackCalls } from './attacks.ts';
import { cdrOf } from './call.ts';
import { rateFile } from './prices.ts';
import { honestCalls, SITES, siteOf } from './sites.ts';

async function main(): Promise<number> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { weeks: { type: 'string', default: '6' }, seed: { type: 'string', default: '1' } },
  });
  const [siteName, folder, ...attacks] = positionals;
  const site = SITES.find((name) => name === siteName);
  const chosen = ATTACK_NAMES.filter((name) => attacks.includes(name));
  if (site === undefined || folder === undefined || chosen.length < attacks.length) {
    console.error(`write.ts SITE FOLDER [ATTACK…]; sites: ${SITES.join(' ')}; attacks: ${ATTACK_NAMES.join(' ')}`);
    return 2;
  }
  const [weeks, seed] = [Number(values.weeks), Number(values.seed)];
  const made = siteOf(site);
  const calls = [...honestCalls(made, { seed, weeks }), ...chosen.flatMap((name) => attackCalls(name, made, seed))];
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'cdr.csv'), cdrOf(calls).text);
  await writeFile(join(folder, 'rates.csv'), rateFile());
  console.log(`${join(folder, 'cdr.csv')}: ${calls.length} calls; ${join(folder, 'rates.csv')}`);
  return 0;
}

process.exitCode = await main();
