/** What a ban is called on the screen. Pure. */
import type { BanReport } from '../../../api/bans-routes.ts';
import { capital } from '../../parts/format.ts';
import { blockedTexts as texts } from '../../texts/blocked.ts';

/** The detector, as the page writes it. */
export const defenseType = ({ defenceType }: Pick<BanReport, 'defenceType'>): string => capital(defenceType);

const isNetwork = (address: string): boolean => address.includes('/');

/** @param of after how many temporary blocks one is permanent */
export function blockType(ban: Pick<BanReport, 'origin' | 'until' | 'timesBanned'>, of?: number): string {
  if (ban.until === null) return texts.permanent;
  return ban.origin === 'manual' ? texts.byHand : texts.temporary(Math.max(1, ban.timesBanned), of);
}

export const kindOf = (address: string): string => (isNetwork(address) ? texts.network : texts.address);

/** `192.0.2.77` as `192.0.2.77/32`: the block range of the PBX manuals always says how wide it is. */
export const blockRange = (address: string): string =>
  isNetwork(address) ? address : `${address}/${address.includes(':') ? 128 : 32}`;

export const sourceOf = (address: string): string => address.split('/', 1)[0] ?? address;

export const isUdpOnly = ({ origin, protocol }: Pick<BanReport, 'origin' | 'protocol'>): boolean =>
  origin === 'automatic' && protocol === 'udp';

export interface Summary {
  readonly count: number;
  readonly permanent: number;
  /** Of those that are not permanent: blocked for the third time or more. */
  readonly again: number;
  /** Detectors, the most frequent first; three at most. */
  readonly reasons: readonly { readonly what: string; readonly count: number }[];
}

export function summarise(bans: readonly Pick<BanReport, 'until' | 'timesBanned' | 'defenceType'>[]): Summary {
  const counts = new Map<string, number>();
  for (const ban of bans) counts.set(defenseType(ban), (counts.get(defenseType(ban)) ?? 0) + 1);
  return {
    count: bans.length,
    permanent: bans.filter(({ until }) => until === null).length,
    again: bans.filter(({ timesBanned, until }) => until !== null && timesBanned >= 3).length,
    reasons: [...counts]
      .map(([what, count]) => ({ what, count }))
      .sort((a, b) => b.count - a.count)
      .slice(0, 3),
  };
}

/** What it attacked, in words; a block keeps it out of everything. */
export const seenBy = ({ service }: Pick<BanReport, 'service'>): string =>
  Object.entries(texts.services).find(([name]) => name === service)?.[1] ?? service;

/** `CU Cuba`: code and name, never a flag. */
export function countryWords(code: string): string {
  const name = new Intl.DisplayNames(['en'], { type: 'region', fallback: 'none' }).of(code);
  return name === undefined ? code : `${code} ${name}`;
}

/** For a path of the API or of the page. */
export const pathOf = (address: string): string => encodeURIComponent(address);
