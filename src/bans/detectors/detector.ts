/**
 * What a detector is: from the counts of one address, of its network and of the account it tried, to whether that is an
 * attack. A new one is a file here and a line in registry.ts.
 *
 * A detector knows nothing of who may be banned: that is for ban-policy.ts, which shows it the counts in that light.
 */
import type { Service, Settings } from '../../policy/settings.ts';
import type { CountedEvent } from '../offence-record.ts';

export interface Facts {
  readonly service: Service;
  /** How many attempts are too many for this address: the setting, or more where it is trusted. */
  readonly attempts: number;
  /** The window as text, for sentences: `5m`. */
  readonly window: string;
  /** Of this address and service, within the window; exact up to 30. Oldest first. */
  readonly inWindow: readonly CountedEvent[];
  /** Of this address and service, within so many hours. */
  readonly within: (hours: number) => number;
  /** How many accounts this address has tried in 24 hours; up to 32. */
  readonly accounts: number;
  /** The account of this offence, undefined where it had none or is none that there is. */
  readonly account: AccountFacts | undefined;
  readonly network: NetworkFacts;
}

export interface AccountFacts {
  readonly name: string;
  /** From how many addresses it was tried in 24 hours; up to 32. */
  readonly addresses: number;
  /** How often this address has tried it in 24 hours. */
  readonly here: number;
}

export interface NetworkFacts {
  readonly text: string;
  /** One subscriber has all of it (IPv6 /64). */
  readonly isOneSubscriber: boolean;
  /** Within the window; 0 where single events are not kept. */
  readonly inWindow: number;
  readonly within24h: number;
  /** How many of its addresses took part in 24 hours; up to 32. */
  readonly addresses: number;
}

export interface Finding {
  readonly range: 'address' | 'network';
  readonly defenceType: string;
  /** One sentence without its end: `10 failed SIP registrations within 5m`. */
  readonly reason: string;
  readonly offences: number;
}

export interface Detector {
  /** The setting that switches it; undefined: it goes with the service. */
  readonly setting: keyof Settings['autoBan']['detect'] | undefined;
  readonly detect: (facts: Facts) => Finding | undefined;
}

/** `failed SIP registrations`: what the events of a service are called. */
export const EVENTS_OF: Readonly<Record<Service, string>> = {
  web: 'failed web log-ins',
  api: 'failed API log-ins',
  ami: 'failed AMI log-ins',
  sipRegistration: 'failed SIP registrations',
  sipCall: 'refused SIP calls',
};
