/** Ports of this host as people name them: `tcp/443`, `udp/10000-20000`, and presets of what a telephone system listens on. */

export interface Ports {
  readonly protocol: 'tcp' | 'udp';
  readonly from: number;
  readonly to: number;
}

/**
 * Where Asterisk and what stands beside it listen by default: pjsip.conf and iax.conf, rtp.conf, http.conf and manager.conf
 * of Asterisk 16 to 22; MariaDB, PostgreSQL and Redis.
 */
export const PORT_PRESETS = {
  sip: ['udp/5060-5061', 'tcp/5060-5061'],
  iax: ['udp/4569'],
  rtp: ['udp/10000-20000'],
  web: ['tcp/443'],
  management: ['tcp/5038', 'tcp/8088-8089', 'tcp/8480'],
  ssh: ['tcp/22'],
  database: ['tcp/3306', 'tcp/5432', 'tcp/6379'],
} as const satisfies Readonly<Record<string, readonly string[]>>;
export type PortPreset = keyof typeof PORT_PRESETS;

export const PORT_PRESET_NAMES = Object.keys(PORT_PRESETS) as readonly PortPreset[];

/** Not RTP: carriers send media from addresses that nobody has listed, and it is let in as an answer to our own. */
export const DEFAULT_PRESETS: readonly PortPreset[] = ['sip', 'iax', 'web', 'management', 'ssh', 'database'];

/** @returns undefined for anything but `tcp/443` or `udp/10000-20000` */
export function readPorts(text: string): Ports | undefined {
  const [, protocol, first, last] = /^\s*(tcp|udp)\/(\d{1,5})(?:-(\d{1,5}))?\s*$/i.exec(text) ?? [];
  const [from, to] = [Number(first), Number(last ?? first)];
  if (protocol === undefined || from < 1 || to > 65_535 || from > to) return undefined;
  return { protocol: protocol.toLowerCase() === 'tcp' ? 'tcp' : 'udp', from, to };
}

export const portsText = ({ protocol, from, to }: Ports): string =>
  `${protocol}/${from === to ? from : `${from}-${to}`}`;

/** All of them in order, where they touch or overlap as one. */
export function mergedPorts(ports: readonly Ports[]): readonly Ports[] {
  const merged: Ports[] = [];
  const sorted = [...ports].sort((a, b) => a.protocol.localeCompare(b.protocol) || a.from - b.from || a.to - b.to);
  for (const next of sorted) {
    const last = merged.at(-1);
    if (last !== undefined && last.protocol === next.protocol && next.from <= last.to + 1)
      merged[merged.length - 1] = { ...last, to: Math.max(last.to, next.to) };
    else merged.push(next);
  }
  return merged;
}

export const presetPorts = (preset: PortPreset): readonly Ports[] =>
  PORT_PRESETS[preset].flatMap((text) => readPorts(text) ?? []);

/** Ports as a person would choose them again: the presets that they hold whole, and what is left. */
export function presetsIn(ports: readonly Ports[]): {
  readonly presets: readonly PortPreset[];
  readonly rest: readonly Ports[];
} {
  const merged = mergedPorts(ports);
  const presets = PORT_PRESET_NAMES.filter((name) =>
    presetPorts(name).every((port) => merged.some((each) => holdsPorts(each, port))),
  );
  const rest = presets.flatMap(presetPorts).reduce(withoutPorts, merged);
  return { presets, rest };
}

export const holdsPorts = (outer: Ports, inner: Ports): boolean =>
  outer.protocol === inner.protocol && outer.from <= inner.from && inner.to <= outer.to;

const withoutPorts = (ports: readonly Ports[], taken: Ports): readonly Ports[] =>
  ports.flatMap((each) =>
    each.protocol !== taken.protocol || each.to < taken.from || taken.to < each.from
      ? [each]
      : [
          { ...each, to: Math.min(each.to, taken.from - 1) },
          { ...each, from: Math.max(each.from, taken.to + 1) },
        ].filter(({ from, to }) => from <= to),
  );
