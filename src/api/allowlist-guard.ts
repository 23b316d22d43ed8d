/** Keeps an edit of the allowlist from cutting off the person who makes it, while the portal lets in nobody else. */
import type { FastifyRequest } from 'fastify';
import type { FirewallControl } from '../bans/firewall-control.ts';
import { isIn, refusalOfAllowlist } from '../bans/lock-out-guard.ts';
import { TollgateError } from '../errors.ts';
import type { AllowlistDocument } from '../policy/allowlist.ts';
import type { AllowedAddresses } from '../store/allowed-addresses.ts';
import type { DomainWatch } from '../store/domain-watch.ts';
import { callerOf } from './who-asks.ts';

/** @throws {TollgateError} `CONFLICT` if the document that an edit makes would cut off the one who asks */
export type AllowlistGuard = (request: FastifyRequest, next: AllowlistDocument) => void;

export function createAllowlistGuard(deps: {
  readonly allowed: Pick<AllowedAddresses, 'entryOf'>;
  readonly domains: Pick<DomainWatch, 'state'>;
  readonly control: Pick<FirewallControl, 'state'>;
}): AllowlistGuard {
  return (request, next) => {
    // A domain counts for where it leads now; a new one was not looked up yet.
    const isAllowedNext = (address: string): boolean =>
      next.entries.some(({ type, value }) =>
        isIn(address, type === 'domain' ? (deps.domains.state(value)?.addresses ?? []) : [value]),
      );
    const isAllowed = (address: string): boolean => deps.allowed.entryOf(address) !== undefined;
    const { plan } = deps.control.state();
    const refused = refusalOfAllowlist(plan, callerOf(request).address, isAllowed, isAllowedNext);
    if (refused !== undefined) throw new TollgateError('CONFLICT', refused);
  };
}
