/**
 * Registration restrictions in force: the guard over what registers, and the file for Asterisk where there is one, both
 * following the policy.
 */
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { RegistrationPlaces } from '../policy/registration-places.ts';
import { createAclFile } from './acl-file.ts';
import type { Intruder } from './intruder.ts';
import { type GuardedServer, type GuardState, guardRegistrations } from './registration-guard.ts';

export interface Registrations {
  readonly state: () => RegistrationState;
  readonly close: () => void;
}

export interface RegistrationState extends GuardState {
  /** Restricted extensions. */
  readonly restricted: number;
}

const FOLLOW_EVERY_MS = 250;

export function startRegistrations(
  servers: readonly GuardedServer[],
  deps: {
    /** Absolute path of the file that Tollgate owns in Asterisk's configuration; undefined where there is none. */
    readonly aclFile: string | undefined;
    readonly places: () => RegistrationPlaces;
    readonly onIntruder: (intruder: Intruder) => void;
    readonly clock: Clock;
    readonly log: Log;
  },
): Registrations {
  const { places, log } = deps;
  const guard = guardRegistrations(servers, deps);
  const [server] = servers;
  const aclFile =
    deps.aclFile === undefined || server === undefined
      ? undefined
      : createAclFile({ path: deps.aclFile, ami: server.ami, places, log });
  // Of a policy that has not changed the places are the very same object.
  let before = places();
  const timer = setInterval(() => {
    if (places() === before) return;
    before = places();
    void guard.compare();
    void aclFile?.follow();
  }, FOLLOW_EVERY_MS);
  timer.unref();
  return {
    state: () => {
      const state = guard.state();
      const problem = state.problem === '' ? (aclFile?.problem() ?? '') : state.problem;
      return { ...state, problem, restricted: places().restricted.size };
    },
    close: () => {
      clearInterval(timer);
      aclFile?.close();
      guard.close();
    },
  };
}
