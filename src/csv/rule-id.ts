/** Ids for rules that a file knows by name only. The same name gives the same id as long as nobody else has it. */
import { createHash } from 'node:crypto';

/** Leaves room for a number within the 64 characters of an id. */
const LONGEST_SLUG = 56;

/**
 * `Büro calls (new)` → `buro-calls-new`. A name without any Latin letter or digit becomes `rule-` and eight hexadecimal
 * digits of its SHA-256.
 *
 * @param isTaken where an id is already that of another rule; a number is then added, from 2
 */
export function ruleIdOf(name: string, isTaken: (id: string) => boolean): string {
  const plain = name
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, LONGEST_SLUG)
    .replaceAll(/^-+|-+$/g, '');
  const slug = plain === '' ? `rule-${createHash('sha256').update(name).digest('hex').slice(0, 8)}` : plain;
  let id = slug;
  for (let number = 2; isTaken(id); number += 1) id = `${slug}-${number}`;
  return id;
}
