/** Ids for rules that a file knows by name only. The same name gives the same id as long as nobody else has it. */
import { createHash } from 'node:crypto';

/** Leaves room for the digits of a hash and a number within the 64 characters of an id. */
const LONGEST_SLUG = 48;

/**
 * `Büro calls (new)` → `buro-calls-new`. A name with letters that an id cannot have gets eight hexadecimal digits of its
 * SHA-256 as well: `客服 2` → `2-…`, `客服` → `rule-…`.
 *
 * @param isTaken where an id is already that of another rule; a number is then added, from 2
 */
export function ruleIdOf(name: string, isTaken: (id: string) => boolean): string {
  const plain = name.normalize('NFKD').toLowerCase().replaceAll(/\p{M}/gu, '');
  const slug = plain
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/^-/, '')
    .slice(0, LONGEST_SLUG)
    .replace(/-$/, '');
  const isWhole = slug !== '' && !/(?![a-z0-9])[\p{L}\p{N}]/u.test(plain);
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 8);
  const usual = isWhole ? slug : `${slug || 'rule'}-${hash}`;
  let id = usual;
  for (let number = 2; isTaken(id); number += 1) id = `${usual}-${number}`;
  return id;
}
