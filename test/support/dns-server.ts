/**
 * A name server of our own on a real UDP port of loopback, whose answers a test chooses: what a real one cannot be made
 * to do at a chosen moment (fail, keep silent, say something else).
 *
 * Speaks as much of RFC 1035 as a stub resolver needs: one question, records A and AAAA, the codes NOERROR, SERVFAIL,
 * NXDOMAIN.
 */
import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import ipaddr from 'ipaddr.js';

export interface DnsServer {
  /** Records by domain; both families in one list. A domain without an entry does not exist. */
  readonly zone: Map<string, { readonly addresses: readonly string[]; readonly ttlSeconds: number }>;
  /** What happens to questions from now on. */
  behave: 'answer' | 'fail' | 'silent';
  /** Only questions of this family fail. */
  failingFamily: 4 | 6 | undefined;
  readonly questions: () => number;
  /** A resolver that asks this server and gives up soon. */
  readonly newResolver: () => Resolver;
  readonly stop: () => Promise<void>;
}

const [TYPE_A, TYPE_AAAA] = [1, 28];
const [NOERROR, SERVFAIL, NXDOMAIN] = [0, 2, 3];

export async function startDnsServer(): Promise<DnsServer> {
  const socket = createSocket('udp4');
  let questions = 0;
  const server: DnsServer = {
    zone: new Map(),
    behave: 'answer',
    failingFamily: undefined,
    questions: () => questions,
    newResolver: () => {
      const resolver = new Resolver({ timeout: 200, tries: 1 });
      resolver.setServers([`127.0.0.1:${socket.address().port}`]);
      return resolver;
    },
    stop: async () => {
      socket.close();
      await once(socket, 'close');
    },
  };
  socket.on('message', (query, from) => {
    questions += 1;
    if (server.behave === 'silent') return;
    const { name, end } = readName(query);
    const type = query.readUInt16BE(end);
    const known = server.zone.get(name.toLowerCase());
    const family = type === TYPE_A ? 4 : 6;
    const fails = server.behave === 'fail' || server.failingFamily === family;
    const addresses = (known?.addresses ?? []).filter((each) => each.includes(':') === (type === TYPE_AAAA));
    const code = fails ? SERVFAIL : known === undefined ? NXDOMAIN : NOERROR;
    const records = code === NOERROR ? addresses.map((each) => record(type, known?.ttlSeconds ?? 0, each)) : [];
    const head = Buffer.from(query.subarray(0, 12));
    head.writeUInt16BE(0x8180 | code, 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(records.length, 6);
    head.writeUInt32BE(0, 8);
    socket.send(Buffer.concat([head, query.subarray(12, end + 4), ...records]), from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return server;
}

function readName(query: Buffer): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.'), end: at + 1 };
}

function record(type: number, ttlSeconds: number, address: string): Buffer {
  const data = Buffer.from(ipaddr.parse(address).toByteArray());
  const head = Buffer.alloc(12);
  // The name is the one of the question.
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(ttlSeconds, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}
