/**
 * Writes databases in MaxMind's format, of networks and what is known of them: https://maxmind.github.io/MaxMind-DB/
 *
 * Only what the tests need: IPv6 trees with records of 32 bits, and data of maps, texts and whole numbers.
 */
import { asNetwork, type Network, readRange } from '../../src/policy/addresses.ts';

export type Data = string | number | { readonly [key: string]: Data };

/** Bytes of a database; a network that lies inside another one comes after it. */
export function countryDatabase(records: Readonly<Record<string, Data>>, databaseType = 'Test-Country'): Buffer {
  // Node after node, a left and a right record each: a node, 0 for nothing, or below zero a place in the data.
  const tree: Array<[number, number]> = [[0, 0]];
  const data: Buffer[] = [];
  const places = new Map<string, number>();
  let dataBytes = 0;
  const placeOf = (value: Data): number => {
    const key = JSON.stringify(value);
    const known = places.get(key);
    if (known !== undefined) return known;
    const bytes = encode(value);
    places.set(key, dataBytes);
    data.push(bytes);
    dataBytes += bytes.length;
    return dataBytes - bytes.length;
  };
  for (const [text, value] of Object.entries(records)) insert(tree, networkOf(text), -1 - placeOf(value));

  const nodes = Buffer.alloc(tree.length * 8);
  tree.forEach((node, index) => {
    node.forEach((record, side) => {
      // The number of nodes stands for nothing; 16 zero bytes lie before the data.
      const written = record > 0 ? record : record === 0 ? tree.length : tree.length + 16 - 1 - record;
      nodes.writeUInt32BE(written, index * 8 + side * 4);
    });
  });
  const metadata = encode({
    ...{ binary_format_major_version: 2, binary_format_minor_version: 0, build_epoch: 1_767_225_600 },
    ...{ database_type: databaseType, ip_version: 6, node_count: tree.length, record_size: 32 },
  });
  const mark = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');
  return Buffer.concat([nodes, Buffer.alloc(16), ...data, mark, metadata]);
}

function networkOf(text: string): Network {
  const read = readRange(text);
  const network = 'range' in read ? asNetwork(read.range) : undefined;
  if (network === undefined) throw new Error(`${text} is no network`);
  // IPv4 lies in the first 32 bits of the last 128.
  return network.family === 6 ? network : { ...network, family: 6, prefix: network.prefix + 96 };
}

function insert(tree: Array<[number, number]>, { first, prefix }: Network, record: number): void {
  let node = 0;
  for (let depth = 0; depth < prefix; depth += 1) {
    const side = (first >> BigInt(127 - depth)) & 1n ? 1 : 0;
    const pair = tree[node];
    if (pair === undefined) throw new Error('the tree has a hole');
    if (depth === prefix - 1) pair[side] = record;
    else if (pair[side] <= 0) {
      // What a wider network said holds for both halves of it.
      tree.push([pair[side], pair[side]]);
      pair[side] = tree.length - 1;
      node = pair[side];
    } else node = pair[side];
  }
}

function encode(value: Data): Buffer {
  if (typeof value === 'string') return Buffer.concat([head(2, Buffer.byteLength(value)), Buffer.from(value)]);
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return Buffer.concat([head(6, 4), bytes]);
  }
  const entries = Object.entries(value).flatMap(([key, each]) => [encode(key), encode(each)]);
  return Buffer.concat([head(7, Object.keys(value).length), ...entries]);
}

/** Type in the upper three bits, size below; from 29 on the size stands in a byte of its own. */
const head = (type: number, size: number): Buffer =>
  size < 29 ? Buffer.from([(type << 5) | size]) : Buffer.from([(type << 5) | 29, size - 29]);
