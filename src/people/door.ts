/** What our own doors (page and API) tell the defence: who tried to come in and failed, and who came in. */
import { createHash, randomUUID } from 'node:crypto';
import type { Offence, Success } from '../bans/offence.ts';
import type { Clock } from '../clock.ts';
import { SHORTEST_PASSWORD } from './user.ts';

interface Attempt {
  /** `web`: name and password; `api`: a key. */
  readonly service: 'web' | 'api';
  readonly address: string;
  /** The name as tried; undefined where there was none. */
  readonly account: string | undefined;
}

export interface Door {
  /** @param kind `acl`: with a key that counts, from where it does not */
  readonly failed: (attempt: Attempt & { readonly kind: 'log-in' | 'unknown-account' | 'acl' }) => void;
  readonly passed: (attempt: Attempt) => void;
  /** How many more log-ins may fail before the address is banned; undefined where none is, or nobody knows. */
  readonly left: (address: string) => Promise<Left | undefined>;
}

/** @see Defence.logInsLeft */
interface Left {
  readonly tries: number;
  readonly bannedFor: string;
}

export function createDoor(deps: {
  readonly defence: {
    readonly offence: (offence: Offence) => void;
    readonly success: (success: Success) => void;
    readonly logInsLeft: (address: string) => Promise<Left | undefined>;
  };
  readonly clock: Pick<Clock, 'now'>;
  readonly node: string;
  readonly http: { readonly tls?: object | undefined; readonly listen: { readonly port: number } };
}): Door {
  const seen = ({ service, address, account }: Attempt) => ({
    at: deps.clock.now(),
    service,
    address,
    account,
    transport: deps.http.tls === undefined ? ('tcp' as const) : ('tls' as const),
    source: deps.node,
  });
  return {
    failed: (attempt) =>
      deps.defence.offence({
        ...seen(attempt),
        kind: attempt.kind,
        account: attempt.kind === 'unknown-account' ? strangeName(attempt.account ?? '') : attempt.account,
        port: null,
        attackedPort: deps.http.listen.port === 0 ? null : deps.http.listen.port,
        // Each try is one of its own.
        session: randomUUID(),
        isSpoofable: false,
      }),
    passed: (attempt) => deps.defence.success(seen(attempt)),
    left: deps.defence.logInsLeft,
  };
}

/** Some type their password where the name belongs: what is as long as one is kept as what tells it from others. */
const strangeName = (name: string): string =>
  name.length < SHORTEST_PASSWORD ? name : `(${createHash('sha256').update(name).digest('hex').slice(0, 8)})`;
