/**
 * From where page and API may be reached: the setting `adminAccess.allowFrom`, and nobody who is banned.
 *
 * The addresses of the setting are its own list, and nothing is let in by itself, this machine not either: behind a proxy
 * that nobody named, everybody would come from there. The control socket is not restricted, and is the way back in.
 */
import { createAddressSet } from '../policy/address-set.ts';
import { networksOf, readAddress, readRange } from '../policy/addresses.ts';
import type { Settings } from '../policy/settings.ts';

export interface AdminAccess {
  readonly mayCome: (address: string) => boolean;
}

export function createAdminAccess(deps: {
  readonly settings: () => Settings;
  /** Banned, and not on the allowlist. */
  readonly isBanned: (address: string) => boolean;
}): AdminAccess {
  let of: readonly string[] = [];
  let holds = holder(of);
  return {
    mayCome: (address) => {
      const { allowFrom } = deps.settings().adminAccess;
      if (allowFrom !== of) [of, holds] = [allowFrom, holder(allowFrom)];
      return holds(address) && !deps.isBanned(address);
    },
  };
}

/** Why settings must not come into force: whoever makes them could not come back. */
export function refusalOfAccess(before: Settings, after: Settings, caller: string | undefined): string | undefined {
  const { allowFrom } = after.adminAccess;
  if (caller === undefined || JSON.stringify(allowFrom) === JSON.stringify(before.adminAccess.allowFrom))
    return undefined;
  if (holder(allowFrom)(caller)) return undefined;
  return `this would cut you off: you come from ${caller}, which adminAccess.allowFrom does not name; add it as well, or force it (--force)`;
}

function holder(networks: readonly string[]): (address: string) => boolean {
  if (networks.length === 0) return () => true;
  const set = createAddressSet<true>();
  for (const text of networks) {
    const read = readRange(text);
    if ('range' in read) for (const network of networksOf(read.range)) set.set(network, true);
  }
  return (text) => {
    const address = readAddress(text);
    return address !== undefined && set.find(address) === true;
  };
}
