/**
 * Keeps extensions with a `registerFrom` registered from there and nowhere else.
 *
 * - A registration from elsewhere is taken away as soon as Asterisk tells of it, again each time the phone comes back, and
 *   of several registrations of one extension only the wrong ones. Lasting is only what Asterisk itself refuses: that is
 *   acl-file.ts. In between the phone could be called; it cannot call, because the gate refuses it.
 * - One that came while nobody listened is found when the connection is up again, and every now and then.
 * - An address decides only where it is proven: see contact.ts. A registration that nobody saw come, of an endpoint
 *   without `rewrite_contact`, stays until the phone registers again, and is counted until then.
 *
 * Refuses to know what happens to those who try: they are told to `onIntruder`, at most once a minute each.
 */

import type { AmiConnection } from '../asterisk/ami-connection.ts';
import type { AmiMessage } from '../asterisk/ami-packet.ts';
import type { AriConnection } from '../asterisk/ari-connection.ts';
import type { Clock } from '../clock.ts';
import { messageOf, TollgateError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { RegistrationPlaces } from '../policy/registration-places.ts';
import { type Contact, contactsOf, remoteAddress } from './contact.ts';
import type { Found, Intruder } from './intruder.ts';
import { watchSipPeers } from './sip-peers.ts';

export interface GuardedServer {
  readonly name: string;
  readonly ami: AmiConnection;
  /** Without it chan_pjsip's registrations cannot be taken away. */
  readonly ari: AriConnection | undefined;
}

export interface RegistrationGuard {
  /** Looks at all registrations of restricted extensions; for when the policy has changed. Never rejects. */
  readonly compare: () => Promise<void>;
  readonly state: () => GuardState;
  readonly close: () => void;
}

export interface GuardState {
  /** Since the start. */
  readonly removed: number;
  readonly last: Intruder | undefined;
  /** Registrations of restricted extensions whose address nobody knows. */
  readonly unproven: number;
  /** Why a registration could not be looked at or taken away; empty where the last attempt went well. */
  readonly problem: string;
}

const COMPARE_EVERY_MS = 60_000;
const TELL_EVERY_MS = 60_000;
/** For a contact that was not there yet when its log-in was told, and an event that never came. */
const LOOK_AGAIN_MS = 250;
const MOST_REMEMBERED = 20_000;

export function guardRegistrations(
  servers: readonly GuardedServer[],
  deps: {
    readonly places: () => RegistrationPlaces;
    readonly onIntruder: (intruder: Intruder) => void;
    readonly clock: Clock;
    readonly log: Log;
    readonly compareEveryMs?: number;
  },
): RegistrationGuard {
  const { clock, log } = deps;
  const toldAtMs = new Map<string, number>();
  let removed = 0;
  let last: Intruder | undefined;

  const report = (found: Omit<Intruder, 'at'>): void => {
    if (found.outcome === 'removed') removed += 1;
    last = { ...found, at: clock.now() };
    const key = [found.asterisk, found.extension, found.address, found.outcome].join(' ');
    const nowMs = clock.monotonicMs();
    if (nowMs - (toldAtMs.get(key) ?? Number.NEGATIVE_INFINITY) < TELL_EVERY_MS) return;
    remember(toldAtMs, key, nowMs);
    log.warn({ ...found }, 'a phone registered from where its extension may not be');
    deps.onIntruder(last);
  };

  const guarded = servers.map((server) => guardServer(server, { ...deps, report }));
  const compare = async (): Promise<void> => {
    await Promise.all(guarded.map((each) => each.compare()));
  };
  const timer = setInterval(() => void compare(), deps.compareEveryMs ?? COMPARE_EVERY_MS);
  timer.unref();
  void compare();

  return {
    compare,
    state: () => ({
      removed,
      last,
      unproven: guarded.reduce((sum, each) => sum + each.unproven(), 0),
      problem: guarded.map((each) => each.problem()).find((each) => each !== '') ?? '',
    }),
    close: () => {
      clearInterval(timer);
      for (const { stop } of guarded) stop();
    },
  };
}

function guardServer(
  { name, ami, ari }: GuardedServer,
  deps: {
    readonly places: () => RegistrationPlaces;
    readonly report: (found: Omit<Intruder, 'at'>) => void;
    readonly log: Log;
  },
): {
  readonly compare: () => Promise<void>;
  readonly unproven: () => number;
  readonly problem: () => string;
  readonly stop: () => void;
} {
  const { places, log } = deps;
  /** Where a log-in came from, by extension and Call-ID. */
  const proven = new Map<string, string>();
  const unprovenOf = new Map<string, number>();
  const looking = new Map<string, 'once' | 'again'>();
  const later = new Map<string, NodeJS.Timeout>();
  let problem = '';
  const report = (found: Found): void => deps.report({ asterisk: name, ...found });
  const isRestricted = (extension: string): boolean => places().restricted.has(extension);
  const addressOf = (extension: string, { callId, rewritten }: Contact): string | undefined =>
    proven.get(`${extension} ${callId}`) ?? rewritten;

  const remove = async (extension: string, address: string, contact: Contact): Promise<void> => {
    try {
      if (ari === undefined) throw new Error(`${name} has no ari in the configuration, which it takes to remove it`);
      if (await ari.removeContact(contact.id)) report({ extension, address, outcome: 'removed', problem: '' });
    } catch (error) {
      problem = messageOf(error);
      report({ extension, address, outcome: 'kept', problem });
    }
  };

  const lookOnce = async (extension: string): Promise<void> => {
    const contacts = contactsOf(await orNothing(ami.list('PJSIPShowEndpoint', { Endpoint: extension })));
    let unknown = 0;
    for (const contact of contacts) {
      const address = addressOf(extension, contact);
      if (address === undefined) unknown += 1;
      else if (places().isElsewhere(extension, address)) await remove(extension, address, contact);
    }
    if (unknown === 0) unprovenOf.delete(extension);
    else unprovenOf.set(extension, unknown);
  };

  /** At most one look for an extension at a time, and one after it for whatever came meanwhile. */
  const look = async (extension: string): Promise<void> => {
    if (looking.has(extension)) {
      looking.set(extension, 'again');
      return;
    }
    try {
      do {
        looking.set(extension, 'once');
        await lookOnce(extension);
      } while (looking.get(extension) === 'again');
    } catch (error) {
      problem = messageOf(error);
      log.warn({ asterisk: name, extension, problem }, 'the registrations of an extension could not be looked at');
    } finally {
      looking.delete(extension);
    }
  };

  const lookLater = (extension: string): void => {
    if (later.has(extension)) return;
    const timer = setTimeout(() => {
      later.delete(extension);
      void look(extension);
    }, LOOK_AGAIN_MS);
    timer.unref();
    later.set(extension, timer);
  };

  const onLogIn = (event: AmiMessage): void => {
    const [extension, address] = [event.get('AccountID'), remoteAddress(event)];
    if (event.get('Service') !== 'PJSIP' || address === undefined || !isRestricted(extension)) return;
    remember(proven, `${extension} ${event.get('SessionID')}`, address);
    if (!places().isElsewhere(extension, address)) return;
    void look(extension);
    lookLater(extension);
  };

  const onRefused = (event: AmiMessage): void => {
    const [extension, address] = [event.get('AccountID'), remoteAddress(event)];
    if (event.get('Service') !== 'PJSIP' || address === undefined) return;
    if (places().isElsewhere(extension, address)) report({ extension, address, outcome: 'refused', problem: '' });
  };

  const sipPeers = watchSipPeers(ami, { places, report });

  const compare = async (): Promise<void> => {
    const { restricted } = places();
    for (const extension of unprovenOf.keys()) if (!restricted.has(extension)) unprovenOf.delete(extension);
    if (restricted.size === 0 || !ami.state().up) return;
    problem = '';
    try {
      const all = await orNothing(ami.list('PJSIPShowContacts'));
      const doubtful = all.filter((each) => {
        const [extension, callId] = [each.get('Endpoint'), each.get('CallId')];
        const address = proven.get(`${extension} ${callId}`);
        return restricted.has(extension) && (address === undefined || places().isElsewhere(extension, address));
      });
      for (const extension of new Set(doubtful.map((each) => each.get('Endpoint')))) await look(extension);
      await sipPeers.compare();
    } catch (error) {
      problem = messageOf(error);
      log.warn({ asterisk: name, problem }, 'registrations could not be looked at');
    }
  };

  const stops = [
    ami.onState((up) => {
      if (up) void compare();
    }),
    ...(ari === undefined
      ? []
      : [
          ari.onState((up) => {
            if (up) void compare();
          }),
        ]),
    ami.onEvent(['SuccessfulAuth'], onLogIn),
    ami.onEvent(['FailedACL'], onRefused),
    ami.onEvent(['ContactStatus'], (event) => {
      const extension = event.get('EndpointName');
      if (isRestricted(extension) && event.get('ContactStatus') !== 'Removed') void look(extension);
    }),
    sipPeers.stop,
  ];

  return {
    compare,
    unproven: () => [...unprovenOf.values()].reduce((sum, each) => sum + each, 0),
    problem: () => problem,
    stop: () => {
      for (const stop of stops) stop();
      for (const timer of later.values()) clearTimeout(timer);
      later.clear();
    },
  };
}

/** Lists of nothing are refused: `No Contacts found`, and an endpoint that this Asterisk does not have. */
async function orNothing(list: Promise<readonly AmiMessage[]>): Promise<readonly AmiMessage[]> {
  try {
    return await list;
  } catch (error) {
    const isNothing = error instanceof TollgateError && error.code === 'AMI_REFUSED';
    if (isNothing && !/permission/i.test(error.message)) return [];
    throw error;
  }
}

/** Keeps the youngest. */
function remember<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.size > MOST_REMEMBERED ? map.keys() : [];
  if (oldest !== undefined) map.delete(oldest);
}
