/** Where each thing that needs a look is seen. Pure. */
import type { Dashboard } from '../../../api/dashboard-routes.ts';

const HOUR_MS = 3_600_000;

/** @returns undefined where there is nothing more to see */
export function placeOf(
  { kind, about, at }: Dashboard['needsALook'][number],
  patterns: NonNullable<Dashboard['patterns']>,
): string | undefined {
  const given = encodeURIComponent(about ?? '');
  const list = (path: string, filters: Readonly<Record<string, string>>): string =>
    `${path}?${new URLSearchParams(filters)}`;
  switch (kind) {
    case 'part':
      return about === null ? '/health' : `/health/parts/${given}`;
    case 'firewall':
      return '/health/parts/firewall';
    case 'pattern': {
      const pattern = patterns.find(({ sample }) => sample[0] === about);
      if (pattern?.extension == null) return about === null ? '/calls?tab=patterns' : `/calls/${given}`;
      return list('/calls', {
        ...{ tab: 'refused', extension: pattern.extension, label: pattern.destinationLabel },
        ...(at === null ? {} : { since: new Date(Date.parse(at) - HOUR_MS).toISOString() }),
      });
    }
    case 'account':
      return about === null ? '/blocked-ips' : `/blocked-ips/${given}`;
    case 'phone':
      return '/blocked-ips';
    case 'extension':
      return about === null ? '/calls?tab=refused' : list('/calls', { extension: about });
    case 'address':
      return about === null ? '/blocked-ips' : list('/calls', { text: about });
    case 'rule':
      return about === null ? '/rules' : `/rules/edit/${given}`;
    case 'emergency':
      return undefined;
    case 'allow':
      return '/allowed-ips?unusedDays=30';
    case 'exempt':
      return '/allowed-ips/exempt';
    default:
      return kind satisfies never;
  }
}
