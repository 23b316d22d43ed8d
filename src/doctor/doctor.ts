/**
 * The doctor of the machine: every family of checks, run beside each other, and what they found in one order.
 *
 * Guarantees that it changes nothing, that it ends within its time whatever hangs, and that a check which fails says so as
 * `unknown` and harms no other.
 */

import { TIMED_OUT, within } from '../deadline.ts';
import { messageOf } from '../errors.ts';
import { examineAccounts } from './accounts.ts';
import { examineAsterisk } from './asterisk-options.ts';
import { examineCertificates } from './certificates.ts';
import { examineConnections } from './connections.ts';
import type { DoctorContext } from './context.ts';
import { examineDialplan } from './dialplan.ts';
import { type Examine, FAMILIES, type Family, findingsOf, LEVELS, type Level, type MachineFinding } from './finding.ts';
import { examinePorts } from './ports.ts';
import { examineSecrets } from './secrets.ts';
import { examineSsh } from './ssh.ts';
import { examineUpdates } from './updates.ts';

const EXAMINE: Readonly<Record<Family, Examine<DoctorContext>>> = {
  updates: examineUpdates,
  ssh: examineSsh,
  ports: examinePorts,
  secrets: examineSecrets,
  accounts: examineAccounts,
  certificates: examineCertificates,
  asterisk: examineAsterisk,
  dialplan: examineDialplan,
  connections: examineConnections,
};

export interface MachineReport {
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly counts: Readonly<Record<Level, number>>;
  /** By family, and in each the worst first. */
  readonly findings: readonly MachineFinding[];
}

const FAMILY_WITHIN_MS = 14_000;

/** @param only the families to look at; absent: all */
export async function examineMachine(
  context: DoctorContext,
  only: readonly Family[] = FAMILIES,
): Promise<MachineReport> {
  const families = FAMILIES.filter((family) => only.includes(family));
  const found = await Promise.all(families.map((family) => examine(family, context)));
  const findings = found.flatMap((each) => [...each].sort((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level)));
  const count = (level: Level): number => findings.filter((each) => each.level === level).length;
  const counts = { bad: count('bad'), warn: count('warn'), unknown: count('unknown'), ok: count('ok') };
  return { at: new Date(context.machine.now()).toISOString(), counts, findings };
}

async function examine(family: Family, context: DoctorContext): Promise<readonly MachineFinding[]> {
  const failed = (problem: string): readonly MachineFinding[] => [
    findingsOf(family).unknown(
      'failed',
      `these checks could not be made: ${problem}`,
      'what was not looked at may be bad',
      'run tollgate doctor once more',
    ),
  ];
  try {
    const found = await within(EXAMINE[family](context), FAMILY_WITHIN_MS);
    return found === TIMED_OUT ? failed(`no end within ${FAMILY_WITHIN_MS / 1000} s`) : found;
  } catch (error) {
    return failed(messageOf(error));
  }
}
