/** What every family of checks is given. */
import type { Config } from '../config/schema.ts';
import type { Machine } from './machine.ts';

export interface DoctorContext {
  readonly machine: Machine;
  /** Folder of Asterisk's configuration on that machine; `/etc/asterisk`. */
  readonly asteriskEtc: string;
  /** Tollgate's own configuration; the text says why there is none that can be used. */
  readonly config: Config | { readonly problem: string };
  /** The daemon of that configuration. Undefined: another machine's files are looked at. */
  readonly daemon: DaemonView | undefined;
}

/** What is asked of the running daemon. Each rejects if it cannot be asked. */
export interface DaemonView {
  readonly parts: () => Promise<readonly DaemonPart[]>;
  /** `undefined` while the portal is off. */
  readonly portalPorts: () => Promise<readonly string[] | undefined>;
  readonly users: () => Promise<readonly DaemonUser[]>;
  readonly keys: () => Promise<readonly DaemonKey[]>;
  readonly emergencyNumbers: () => Promise<readonly string[]>;
}

export interface DaemonPart {
  readonly name: string;
  readonly state: 'up' | 'down';
  readonly detail: string;
  readonly remedy: string;
}

export interface DaemonUser {
  readonly name: string;
  readonly roles: readonly string[];
  readonly enabled: boolean;
  readonly secondFactor: boolean;
  /** ISO 8601, UTC. */
  readonly passwordChangedAt: string;
}

export interface DaemonKey {
  readonly id: string;
  readonly name: string;
  readonly createdAt: string;
  readonly expiresAt: string | null;
}

export const DAY_MS = 86_400_000;
/** Six months, as the guides for this kind of system ask for. */
export const CREDENTIAL_MAX_DAYS = 183;
