/**
 * The table `inet tollgate` as text that nft reads. Pure; nft-process.ts runs it.
 *
 * One hash set for each length of prefix that occurs: `banned4_32` holds addresses, `banned4_24` networks of that size,
 * which a rule looks up by the masked source address. So a ban is exactly one element, bans may lie inside one another,
 * and each ends at its own time. Sets of intervals were tried and left (nft 1.0.6, Linux 6.18): two that overlap are
 * refused; with `auto-merge` the ban of an address for two hours vanished in that of its network for one; and nft reads
 * all interval sets of the table before each command, 1.2 s with 100,000 networks where a hash set takes 1 ms.
 *
 * Nothing gets into the text that is not a number or an address which {@link elementOf} has read: nft would take other
 * text for the name of a host and ask DNS for it.
 */
import { isIPv4 } from 'node:net';
import {
  asNetwork,
  type Family,
  formatAddress,
  networkAround,
  readAddress,
  readRange,
  widthOf,
} from '../../policy/addresses.ts';
import { parseDuration } from '../../policy/duration.ts';
import type { PacketProtection } from '../../policy/settings.ts';
import { DROP_REASONS, LIMIT_NAMES, type PortRange, type Traffic, type WantedFirewall } from './firewall.ts';

export const TABLE = 'inet tollgate';

export const SET_KINDS = ['allowed', 'reachable', 'banned'] as const;
export type SetKind = (typeof SET_KINDS)[number];

/** A set of networks of one size. */
export interface PrefixSet {
  readonly kind: SetKind;
  readonly family: Family;
  readonly prefix: number;
}

/** A network as an element of such a set. */
export interface Element {
  readonly family: Family;
  readonly prefix: number;
  /** Its first address, as the kernel prints it. */
  readonly key: string;
}

/** What the rules depend on, and the elements do not. */
export interface Shape {
  readonly sets: readonly PrefixSet[];
  readonly portal: readonly PortRange[];
  readonly isolated: boolean;
  readonly protection: PacketProtection | undefined;
}

/** Undefined for everything that is not an address or a network. */
export function elementOf(network: string): Element | undefined {
  // Most bans are these, and reading them in full takes ten times as long.
  if (isIPv4(network)) return { family: 4, prefix: 32, key: network };
  const read = readRange(network);
  const found = 'range' in read ? asNetwork(read.range) : undefined;
  if (found === undefined) return undefined;
  const { family, first, prefix } = found;
  return { family, prefix, key: formatAddress({ family, value: first }) };
}

/** The network that an element of a set stands for, in canonical text. */
export const networkText = ({ family, prefix, key }: Element): string =>
  prefix === widthOf(family) ? key : `${key}/${prefix}`;

export const setName = ({ kind, family, prefix }: PrefixSet): string => `${kind}${family}_${prefix}`;

/** Undefined for names that are not those of our sets of networks. */
export function setOfName(name: string): PrefixSet | undefined {
  const [, kind, family, prefix] = /^([a-z]+)([46])_(\d{1,3})$/.exec(name) ?? [];
  const known = SET_KINDS.find((each) => each === kind);
  return known === undefined ? undefined : { kind: known, family: family === '4' ? 4 : 6, prefix: Number(prefix) };
}

/** Single addresses of both families always have their sets, so that most bans need no new rule. */
const ALWAYS: readonly PrefixSet[] = [
  { kind: 'banned', family: 4, prefix: 32 },
  { kind: 'banned', family: 6, prefix: 128 },
];

/** @param sets those that are needed, with repetitions and in any order */
export function shapeOf(wanted: Omit<WantedFirewall, 'bans' | 'allowed'>, sets: Iterable<PrefixSet>): Shape {
  const byName = new Map([...ALWAYS, ...sets].map((set) => [setName(set), set]));
  return {
    // Longer prefixes first, so that the narrowest network counts a packet.
    sets: [...byName.values()].sort(
      (a, b) => a.kind.localeCompare(b.kind) || a.family - b.family || b.prefix - a.prefix,
    ),
    portal: wanted.portal?.ports ?? [],
    isolated: wanted.isolation !== undefined,
    protection: wanted.packetProtection?.enabled === true ? wanted.packetProtection : undefined,
  };
}

/**
 * Makes the table, or gives one that exists these rules; elements stay where they are.
 *
 * @param counted where new counters begin
 */
export function definitions(shape: Shape, counted: ReadonlyMap<string, Traffic> = new Map()): string {
  const chains = chainsOf(shape);
  const lines = [
    `add table ${TABLE}`,
    ...[...DROP_REASONS.map(dropCounter), ...LIMIT_NAMES.map(limitCounter)].map(
      (name) => `add counter ${TABLE} ${name}${startOf(counted.get(name))}`,
    ),
    ...shape.sets.map(
      (set) =>
        `add set ${TABLE} ${setName(set)} { type ipv${set.family}_addr; ${set.kind === 'banned' ? 'flags timeout; ' : ''}counter; }`,
    ),
    ...FAMILIES.flatMap(limitSets),
    ...chains.map(({ name, hook }) => `add chain ${TABLE} ${name}${hook === undefined ? '' : ` { ${hook} }`}`),
    // All before the first rule: some chains jump to later ones.
    ...chains.map(({ name }) => `flush chain ${TABLE} ${name}`),
    ...chains.flatMap(({ name, rules }) => rules.map((rule) => `add rule ${TABLE} ${name} ${rule}`)),
  ];
  return `${lines.join('\n')}\n`;
}

const startOf = (traffic: Traffic | undefined): string =>
  traffic === undefined ? '' : ` { packets ${traffic.packets} bytes ${traffic.bytes} }`;

/** Forgets a table, if there is one, within the transaction that makes it anew. */
export const FORGET_TABLE = `add table ${TABLE}\ndelete table ${TABLE}\n`;

export const dropCounter = (reason: (typeof DROP_REASONS)[number]): string => `dropped_${reason}`;
export const limitCounter = (limit: (typeof LIMIT_NAMES)[number]): string => `over_${limit}`;

const FAMILIES: readonly Family[] = [4, 6];
const IP = { 4: 'ip', 6: 'ip6' } as const;

/** Addresses that are counted at once; beyond that new ones are not limited until others have been quiet. */
const COUNTED_AT_ONCE = 65_535;
/** A rate is per second; whoever has been quiet for longer than this is forgotten. */
const QUIET_SECONDS = 10;

const limitSets = (family: Family): string[] => {
  const set = (name: string, flags: string): string =>
    `add set ${TABLE} ${name}${family} { type ipv${family}_addr; size ${COUNTED_AT_ONCE}; flags ${flags}; }`;
  const rate = `dynamic,timeout; timeout ${QUIET_SECONDS}s`;
  return [
    set('connections', 'dynamic'),
    set('new_connections', rate),
    set('packets', rate),
    set('blocked', 'dynamic,timeout; counter'),
  ];
};

interface Chain {
  readonly name: string;
  /** Absent: it is only jumped to. */
  readonly hook?: string;
  readonly rules: readonly string[];
}

/**
 * Before `raw` (-300), where other people's rules may begin, and before connection tracking (-200), which a banned
 * address must not fill.
 */
const EARLY = -310;
/** After connection tracking and before addresses are translated (-100). */
const TRACKED = -150;

/**
 * Without these no IPv6 packet finds its way to the next host, whoever is banned; a hop limit of 255 proves that they come
 * from the same link (RFC 4861, section 7.1).
 */
const NEIGHBOURS =
  'icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 accept';

/** An isolated host keeps its own address, and learns what size of packet reaches those it may talk to. */
const HOUSEKEEPING = [
  'udp sport { 67, 68 } udp dport { 67, 68 } accept',
  'udp sport { 546, 547 } udp dport { 546, 547 } accept',
  'icmp type destination-unreachable icmp code frag-needed accept',
  'icmpv6 type packet-too-big accept',
];

/**
 * `accept` ends our chain alone: whoever comes later still decides. `drop` is final. So nothing that others close is
 * opened here, and what is dropped here stays dropped.
 */
function chainsOf(shape: Shape): readonly Chain[] {
  const match = (kind: SetKind, direction: 'saddr' | 'daddr', verdict: string): string[] =>
    shape.sets
      .filter((set) => set.kind === kind)
      .map((set) => `${masked(set.family, set.prefix, direction)} @${setName(set)} ${verdict}`);
  const inner = (direction: 'saddr' | 'daddr'): string[] =>
    shape.isolated ? match('reachable', direction, 'accept') : match('allowed', direction, 'accept');
  const drop = (reason: (typeof DROP_REASONS)[number]): string => `counter name ${dropCounter(reason)} drop`;

  const arriving = shape.isolated
    ? [...HOUSEKEEPING, drop('isolated')]
    : [
        ...FAMILIES.map(
          (family) => `${masked(family, blockPrefix(family), 'saddr')} @blocked${family} ${drop('blocked')}`,
        ),
        ...match('banned', 'saddr', drop('banned')),
      ];
  const outward = shape.isolated ? [...HOUSEKEEPING, 'goto cut'] : match('banned', 'daddr', 'goto cut');
  const tracks = !shape.isolated && (shape.portal.length > 0 || shape.protection !== undefined);

  return [
    {
      name: 'arriving',
      hook: `type filter hook prerouting priority ${EARLY}; policy accept;`,
      rules: ['iif lo accept', NEIGHBOURS, ...inner('saddr'), ...arriving],
    },
    {
      name: 'tracked',
      hook: `type filter hook prerouting priority ${TRACKED}; policy accept;`,
      rules: tracks
        ? [
            'iif lo accept',
            NEIGHBOURS,
            ...inner('saddr'),
            // Answers to what this host began: downloads, name servers, the media of its own calls.
            'ct direction reply accept',
            ...(shape.protection === undefined ? [] : limits(shape.protection)),
            'goto portal',
          ]
        : [],
    },
    {
      name: 'portal',
      rules: (['tcp', 'udp'] as const).flatMap((protocol) => {
        const ports = shape.portal.filter((range) => range.protocol === protocol);
        // What is merely forwarded to somebody else's port passes.
        return ports.length === 0
          ? []
          : [`fib daddr type != unicast ${protocol} dport { ${merged(ports).join(', ')} } ${drop('portal')}`];
      }),
    },
    ...FAMILIES.map((family) => ({
      name: `block${family}`,
      rules:
        shape.protection === undefined
          ? []
          : [
              `update @blocked${family} { ${masked(family, blockPrefix(family), 'saddr')} timeout ${timeText(blockMs(shape.protection))} } ${drop('blocked')}`,
            ],
    })),
    {
      name: 'leaving',
      hook: `type filter hook output priority ${EARLY}; policy accept;`,
      rules: ['oif lo accept', 'goto outward'],
    },
    {
      name: 'passing',
      hook: `type filter hook forward priority ${EARLY}; policy accept;`,
      rules: ['goto outward'],
    },
    { name: 'outward', rules: [NEIGHBOURS, ...inner('daddr'), ...outward] },
    // Our end of a TCP connection would otherwise wait for a quarter of an hour for answers that cannot come.
    {
      name: 'cut',
      rules: [`meta l4proto tcp counter name ${dropCounter('leaving')} reject with tcp reset`, drop('leaving')],
    },
  ];
}

/** A flood comes from so many addresses that no limit for one of them sees it: as much as this many addresses at theirs. */
const FLOOD_OF_ADDRESSES = 20;

function limits(protection: PacketProtection): string[] {
  const { connectionsPerAddress, newConnectionsPerSecond, packetsPerSecond, synFlood, udpFlood } = protection;
  const rate = (perSecond: number): string => `limit rate over ${perSecond}/second burst ${perSecond} packets`;
  const perAddress = (family: Family): string[] => {
    const source = masked(family, blockPrefix(family), 'saddr');
    const over = (limit: (typeof LIMIT_NAMES)[number]): string =>
      `counter name ${limitCounter(limit)} goto block${family}`;
    return [
      `update @packets${family} { ${source} ${rate(packetsPerSecond)} } ${over('packets')}`,
      `ct state new update @new_connections${family} { ${source} ${rate(newConnectionsPerSecond)} } ${over('new_connections')}`,
      `ct state new add @connections${family} { ${source} ct count over ${connectionsPerAddress} } ${over('connections')}`,
    ];
  };
  const flood = (protocol: string): string =>
    `${protocol} ct state new ${rate(FLOOD_OF_ADDRESSES * newConnectionsPerSecond)} counter name ${dropCounter('flood')} drop`;
  return [
    // All neighbours on a link share fe80::/64, the router among them.
    'ip6 saddr fe80::/10 goto portal',
    ...FAMILIES.flatMap(perAddress),
    // The addresses of a flood are forged, so none of them is blocked.
    ...(synFlood ? [flood('tcp flags & (fin | syn | rst | ack) == syn')] : []),
    ...(udpFlood ? [flood('meta l4proto udp')] : []),
  ];
}

/** Who has one IPv6 address has its /64, and may come from another address with each packet. */
const blockPrefix = (family: Family): number => (family === 4 ? 32 : 64);

const masked = (family: Family, prefix: number, direction: 'saddr' | 'daddr'): string => {
  const field = `${IP[family]} ${direction}`;
  if (prefix === widthOf(family)) return field;
  const width = BigInt(widthOf(family));
  const value = ((1n << BigInt(prefix)) - 1n) << (width - BigInt(prefix));
  return `${field} & ${formatAddress({ family, value })}`;
};

/** Ports as nft takes them: in order, and none twice, which it would refuse. */
function merged(ports: readonly PortRange[]): string[] {
  const joined: { from: number; to: number }[] = [];
  for (const { from, to } of [...ports].sort((a, b) => a.from - b.from)) {
    const last = joined.at(-1);
    if (last !== undefined && from <= last.to + 1) last.to = Math.max(last.to, to);
    else joined.push({ from, to });
  }
  return joined.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`));
}

const blockMs = (protection: PacketProtection): number => parseDuration(protection.block) ?? 3_600_000;

export interface ElementDetails {
  readonly timeoutMs?: number;
  readonly traffic?: Traffic;
}

/** An element as it stands in a list of them. */
export function elementText(key: string, { timeoutMs, traffic }: ElementDetails = {}): string {
  const counter = traffic === undefined ? '' : ` counter packets ${traffic.packets} bytes ${traffic.bytes}`;
  return `${key}${counter}${timeoutMs === undefined ? '' : ` timeout ${timeText(timeoutMs)}`}`;
}

/** A command for elements of a set; `create` fails where there is one already, `add` does not. */
export const elementsCommand = (verb: 'add' | 'create' | 'delete', set: string, elements: readonly string[]): string =>
  `${verb} element ${TABLE} ${set} { ${elements.join(', ')} }\n`;

/** The set that holds what packet protection blocks, and the element of an address in it. */
export function blockElementOf({ family, key }: Element): { readonly set: string; readonly key: string } {
  const address = readAddress(key);
  const first = address === undefined ? undefined : networkAround(address, blockPrefix(family)).first;
  return { set: `blocked${family}`, key: first === undefined ? key : formatAddress({ family, value: first }) };
}
export const BLOCKED_SETS = FAMILIES.map((family) => ({
  set: `blocked${family}`,
  family,
  prefix: blockPrefix(family),
}));

/** nft refuses seconds of nine digits, so larger units come first. */
export function timeText(ms: number): string {
  const whole = Math.max(1, Math.round(ms));
  const days = Math.floor(whole / 86_400_000);
  const seconds = Math.floor((whole % 86_400_000) / 1000);
  const parts = [
    days > 0 ? `${days}d` : '',
    seconds > 0 ? `${seconds}s` : '',
    whole % 1000 > 0 ? `${whole % 1000}ms` : '',
  ];
  return parts.join('');
}
