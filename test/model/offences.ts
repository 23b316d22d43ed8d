/** What counting hostile events means: a list of all of them, looked through from the start for each question. */
import type { Service } from '../../src/policy/settings.ts';

export interface ModelEvent {
  readonly at: number;
  readonly id: string;
  readonly service: Service;
  readonly address: string;
  readonly network: string;
  readonly account: string;
  readonly isCertain: boolean;
}

export interface ModelCounts {
  readonly inWindow: number;
  readonly certainInWindow: number;
  /** 24 hours, 72 hours, 7 days. */
  readonly totals: readonly number[];
  readonly certainTotals: readonly number[];
  readonly accounts: number;
  readonly network: readonly [within24h: number, addresses: number];
  readonly account: readonly [within24h: number, addresses: number];
}

const SLICE_MS = 6 * 3_600_000;
const KEPT = 30;
/** Looked at when the address attacks again. */
const FORGOTTEN_AFTER_MS = 7 * 86_400_000;

export interface OffenceModel {
  readonly offence: (event: ModelEvent) => boolean;
  readonly success: (services: readonly Service[], address: string, network: string, account: string) => void;
  readonly forget: (service: Service, address: string) => void;
  readonly counts: (event: ModelEvent, windowMs: number) => ModelCounts;
}

export function createOffenceModel(): OffenceModel {
  /** What the address has, and what its network and the account have of it: an address that begins anew changes only its own. */
  let ofAddresses: ModelEvent[] = [];
  let ofOthers: ModelEvent[] = [];
  /** When each address was last seen at each network and account, and each account at each address. */
  const meetings = new Map<string, Map<string, number>>();

  const realm = (service: Service): string => (service.startsWith('sip') ? 'sip' : service);
  const names = ({ service, address, network, account }: Omit<ModelEvent, 'at' | 'id' | 'isCertain'>) => ({
    address: `${service} ${address}`,
    network: `${service} ${network}`,
    account: `${realm(service)} ${account}`,
  });
  const meet = (one: string, other: string, at: number): void => {
    meetings.set(one, (meetings.get(one) ?? new Map()).set(other, at));
  };
  const isOf = (event: ModelEvent, service: Service, address: string): boolean =>
    event.service === service && event.address === address;
  /** Of which only the count is left, though later ones may be forgiven. */
  const pushedOut = new Set<ModelEvent>();
  const kept = (service: Service, address: string): ModelEvent[] =>
    ofAddresses.filter((event) => isOf(event, service, address) && !pushedOut.has(event));
  const isWithin = (then: number, now: number, hours: number): boolean =>
    Math.floor(now / SLICE_MS) - Math.floor(then / SLICE_MS) < hours / 6;
  const within = (events: readonly ModelEvent[], now: number, hours: number): number =>
    events.filter(({ at }) => isWithin(at, now, hours)).length;
  const met = (name: string, now: number): number =>
    [...(meetings.get(name)?.values() ?? [])].filter((at) => isWithin(at, now, 24)).length;

  return {
    offence: (event) => {
      const known = kept(event.service, event.address);
      const tooOld = known.filter(({ at }) => event.at - at >= FORGOTTEN_AFTER_MS);
      if (known.some((each) => each.id === event.id && !tooOld.includes(each))) return false;
      for (const each of tooOld) pushedOut.add(each);
      ofAddresses.push(event);
      ofOthers.push(event);
      const [oldest, ...others] = kept(event.service, event.address);
      if (oldest !== undefined && others.length >= KEPT) pushedOut.add(oldest);
      const { address, network, account } = names(event);
      meet(address, event.account, event.at);
      meet(network, event.address, event.at);
      meet(account, event.address, event.at);
      return true;
    },
    success: (services, address, network, account) => {
      for (const service of services) {
        const forgiven = kept(service, address).filter((event) => event.account === account);
        if (forgiven.length === 0) continue;
        ofAddresses = ofAddresses.filter((event) => !forgiven.includes(event));
        ofOthers = ofOthers.filter((event) => !forgiven.includes(event));
        const name = names({ service, address, network, account });
        meetings.get(name.address)?.delete(account);
        meetings.get(name.account)?.delete(address);
        // What it did under other names still makes it one of its network.
        if (kept(service, address).length === 0) meetings.get(name.network)?.delete(address);
      }
    },
    forget: (service, address) => {
      ofAddresses = ofAddresses.filter((event) => !isOf(event, service, address));
      meetings.delete(`${service} ${address}`);
    },
    counts: (event, windowMs) => {
      const { at: now, service, address, network, account } = event;
      const own = ofAddresses.filter((each) => isOf(each, service, address));
      const inWindow = kept(service, address).filter(({ at }) => now - at < windowMs);
      const around = ofOthers.filter((each) => each.service === service && each.network === network);
      const guesses = ofOthers.filter((each) => realm(each.service) === realm(service) && each.account === account);
      const name = names(event);
      return {
        inWindow: inWindow.length,
        certainInWindow: inWindow.filter(({ isCertain }) => isCertain).length,
        totals: [24, 72, 168].map((hours) => within(own, now, hours)),
        certainTotals: [24, 72, 168].map((hours) =>
          within(
            own.filter(({ isCertain }) => isCertain),
            now,
            hours,
          ),
        ),
        accounts: met(name.address, now),
        network: [within(around, now, 24), met(name.network, now)],
        account: [within(guesses, now, 24), met(name.account, now)],
      };
    },
  };
}
