/**
 * Whether a change would cut off the person who makes it. Pure; an answer is a sentence that says what to do first.
 *
 * A person counts as let in if his address is on the allowlist, whichever ports the portal closes: he who may look at the
 * page today and at the console tomorrow should not have to know which port each has. Whoever sits at the machine itself
 * has no address, or one of its own, and cannot be cut off.
 */
import { type Address, contains, readAddress, readRange } from '../policy/addresses.ts';
import type { EpochMs } from '../policy/call.ts';
import type { FirewallPlan } from '../policy/firewall-plan.ts';

/** From where somebody makes a change. */
export interface Caller {
  /** Undefined: at the machine itself, or not known. */
  readonly address: string | undefined;
  /** Address and port of his end, or whatever else tells one connection from another. */
  readonly connection: string | undefined;
  /** When that connection was opened, where it is known. */
  readonly openedAt: EpochMs | undefined;
}

export const OWN_ADDRESSES: readonly string[] = ['127.0.0.0/8', '::1'];

/** Whether an address may talk to this host, as far as the plan says. */
export function letsIn(plan: FirewallPlan, address: string, isAllowed: (address: string) => boolean): boolean {
  if (isIn(address, OWN_ADDRESSES)) return true;
  if (plan.isolation !== null) return isIn(address, plan.isolation.reachable);
  return plan.portal === null || isAllowed(address);
}

/**
 * Why a plan must not come into force as it is.
 *
 * @param caller undefined: at the machine itself, or not known
 */
export function refusalOfPlan(
  plan: FirewallPlan,
  caller: string | undefined,
  isAllowed: (address: string) => boolean,
): string | undefined {
  if (caller === undefined || letsIn(plan, caller, isAllowed)) return undefined;
  const cutOff = `would cut you off: you come from ${caller}`;
  if (plan.isolation !== null)
    return `this ${cutOff}, which would not be reachable; name it as well (--reachable ${caller}), or force it (--force)`;
  return `this ${cutOff}, which is not on the allowlist; add it first (tollgate allow add ${caller} --name …), or force it (--force)`;
}

/** Why an edit of the allowlist must not be made as it is, while a plan is in force. */
export function refusalOfAllowlist(
  plan: FirewallPlan,
  caller: string | undefined,
  before: (address: string) => boolean,
  after: (address: string) => boolean,
): string | undefined {
  if (caller === undefined || !letsIn(plan, caller, before) || letsIn(plan, caller, after)) return undefined;
  return `this would cut you off: you come from ${caller}, and the portal lets in nobody who is not on the allowlist; allow ${caller} by another entry first, switch the portal off, or force it (--force)`;
}

/** Whether an address lies in one of several networks, all as text. */
export function isIn(address: string, networks: readonly string[]): boolean {
  const read = readAddress(address);
  return read !== undefined && networks.some((network) => holds(network, read));
}

function holds(network: string, { family, value }: Address): boolean {
  const read = readRange(network);
  return 'range' in read && contains(read.range, { family, first: value, last: value });
}
