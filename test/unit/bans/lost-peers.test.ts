/** Whom a portal or an isolation keeps out although he is here by right. */
import { describe, expect, test } from 'vitest';
import { lostBy } from '../../../src/bans/lost-peers.ts';
import { type Ports, presetPorts, presetsIn } from '../../../src/policy/port-presets.ts';

const PEERS = {
  phones: [
    { extension: '2007', address: '198.51.100.7' },
    { extension: '1001', address: '203.0.113.9' },
    { extension: '9000', address: '127.0.0.1' },
  ],
  trunks: ['192.0.2.0/28', '192.0.2.0/28', 'carrier.example'],
};
const isAllowed = (range: string): boolean => range === '203.0.113.9';
const portalOf = (ports: readonly Ports[]) => ({ portal: { ports }, isolation: null });

describe('a plan', () => {
  test('that closes SIP keeps out phones and trunks that are not on the allowlist, each once', () => {
    expect(lostBy(portalOf(presetPorts('sip')), PEERS, isAllowed)).toEqual({
      phones: [PEERS.phones[0]],
      trunks: ['192.0.2.0/28'],
    });
  });

  test('that closes ports where nobody calls keeps out no phone', () => {
    const ports = [...presetPorts('ssh'), ...presetPorts('database')];
    expect(lostBy(portalOf(ports), PEERS, isAllowed)).toEqual({ phones: [], trunks: [] });
  });

  test('that isolates keeps out all but the named, on the allowlist or not', () => {
    const plan = { portal: null, isolation: { reachable: ['198.51.100.0/24'] } };
    expect(lostBy(plan, PEERS, isAllowed).phones).toEqual([PEERS.phones[1]]);
  });
});

test('ports are told as presets where they hold them whole, and as what is left', () => {
  const extra: Ports = { protocol: 'tcp', from: 444, to: 450 };
  const half: Ports = { protocol: 'udp', from: 5060, to: 5060 };
  expect(presetsIn([...presetPorts('web'), ...presetPorts('ssh'), extra, half])).toEqual({
    presets: ['web', 'ssh'],
    rest: [extra, half],
  });
  expect(presetsIn([]).presets).toEqual([]);
});
