/**
 * What a firewall must do for Tollgate: keep addresses out, let others in before that, and tell what it dropped.
 *
 * PORT, implemented by nftables.ts, dry-run.ts and no-firewall.ts. A firewall is a projection: it is told what is wanted and
 * makes the kernel equal to it. It decides nothing, keeps no list of its own that anyone relies on, and touches nothing
 * that it did not make. What fails rejects with `FIREWALL_FAILED`, and the kernel then stands as it stood before.
 */
import type { EpochMs } from '../../policy/call.ts';
import type { PacketProtection } from '../../policy/settings.ts';

export interface WantedBan {
  /** Canonical address or network. */
  readonly address: string;
  /** Null: for ever. */
  readonly until: EpochMs | null;
}

export interface PortRange {
  readonly protocol: 'tcp' | 'udp';
  readonly from: number;
  readonly to: number;
}

/** Everything that the kernel should know. */
export interface WantedFirewall {
  /** Canonical networks of the allowlist, of both families. They go before bans. */
  readonly allowed: readonly string[];
  /** Read in pieces, between which it may change. */
  readonly bans: Iterable<WantedBan>;
  /** Ports of this host that are open to allowed addresses alone. */
  readonly portal: { readonly ports: readonly PortRange[] } | undefined;
  /** Nobody but these networks, and this host itself, may talk to this host, nor this host to anyone else. */
  readonly isolation: { readonly reachable: readonly string[] } | undefined;
  /** Undefined: off. */
  readonly packetProtection: PacketProtection | undefined;
}

export const FIREWALL_BACKENDS = ['nftables', 'dry-run', 'none'] as const;
export type FirewallBackend = (typeof FIREWALL_BACKENDS)[number];

/** One change of the bans. */
export type BanStep =
  /** `fresh`: the address was not banned before. */
  | { readonly what: 'put'; readonly ban: WantedBan; readonly fresh: boolean }
  | { readonly what: 'lift'; readonly address: string };

export interface EnforceOptions {
  /** Read every element back; otherwise the table's rules are compared, and a sample of the elements. */
  readonly all: boolean;
  /** The wanted bans are not known yet: none that the kernel has may go. */
  readonly keepBans: boolean;
  /** Addresses that are just being changed, in which a difference means nothing. */
  readonly isChanging: (address: string) => boolean;
}

/** What was found when the kernel was compared, and mended by the time this is returned. */
export interface Enforced {
  /** Differences that nobody of us made: an element that was missing, was too many or had another time, or a changed rule. */
  readonly drift: number;
  /** The first few of them, in words. */
  readonly found: readonly string[];
  /** How many elements were read back or written; undefined: only a sample. */
  readonly elements: number | undefined;
  /** Addresses that no firewall can take, and which are left out. */
  readonly unusable: readonly string[];
}

export interface Traffic {
  readonly packets: number;
  readonly bytes: number;
}

/** Why packets were dropped; `leaving`: to an address that is banned or not reachable. */
export const DROP_REASONS = ['banned', 'blocked', 'flood', 'portal', 'isolated', 'leaving'] as const;
export type DropReason = (typeof DROP_REASONS)[number];

/** Which limit blocked an address. */
export const LIMIT_NAMES = ['connections', 'new_connections', 'packets'] as const;
export type LimitName = (typeof LIMIT_NAMES)[number];

/** An address, or for IPv6 a /64, that packet protection blocked by itself. */
export interface BlockedAddress extends Traffic {
  readonly address: string;
  readonly until: EpochMs;
}

export interface FirewallCounters {
  /** Counted since the table was made. */
  readonly dropped: Readonly<Record<DropReason, Traffic>>;
  /** Packets that passed a limit; each of them blocked its address or renewed that. */
  readonly limited: Readonly<Record<LimitName, Traffic>>;
  /** By ban; packets from and to it. */
  readonly bans: ReadonlyMap<string, Traffic>;
  /** By network of the allowlist; packets from and to it. */
  readonly allowed: ReadonlyMap<string, Traffic>;
  readonly blocked: readonly BlockedAddress[];
}

export interface KernelPresence {
  /** Bans in the kernel that hold the address, the narrowest first. */
  readonly bans: readonly string[];
  /** Networks of the allowlist in the kernel that hold it; they go first. */
  readonly allowed: readonly string[];
  /** Packet protection blocks it. */
  readonly blocked: boolean;
}

export interface Firewall {
  readonly backend: FirewallBackend;
  /** Compares the kernel with what is wanted and mends it, in one transaction. @throws {TollgateError} `FIREWALL_FAILED` */
  readonly enforce: (wanted: WantedFirewall, options: EnforceOptions) => Promise<Enforced>;
  /**
   * Puts and lifts bans in one transaction. Nothing is done before the first `enforce`.
   * @throws {TollgateError} `FIREWALL_FAILED`
   */
  readonly change: (steps: readonly BanStep[]) => Promise<void>;
  /** Whether the kernel says that it holds what such steps leave. @throws {TollgateError} `FIREWALL_FAILED` */
  readonly holds: (steps: readonly BanStep[]) => Promise<boolean>;
  /** Asks the kernel. @throws {TollgateError} `FIREWALL_FAILED`; `INVALID_REQUEST` for what is no address */
  readonly inKernel: (address: string) => Promise<KernelPresence>;
  /** Asks the kernel; with 100,000 bans that takes a second of another core. @throws {TollgateError} `FIREWALL_FAILED` */
  readonly counters: () => Promise<FirewallCounters>;
  /** Ends blocks of packet protection; true if there was one. @throws {TollgateError} `FIREWALL_FAILED`, `INVALID_REQUEST` */
  readonly unblock: (address: string) => Promise<boolean>;
  /** Takes everything out of the kernel. @throws {TollgateError} `FIREWALL_FAILED` */
  readonly remove: () => Promise<void>;
  /** Ends what helps it; what is in the kernel stays. */
  readonly close: () => void;
}
