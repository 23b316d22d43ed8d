import { describe, expect, it } from 'vitest';
import { hostsIn } from '../../../src/bans/asterisk-peers.ts';

const of = (text: string) => hostsIn({ get: () => text }, 'Contacts');

describe('the hosts of contacts', () => {
  it.each([
    ['a phone behind NAT', '1001/sip:1001@203.0.113.5:32934;x-ast-orig-host=10.9.9.9:5060,', ['203.0.113.5']],
    ['several', '1001/sip:1001@203.0.113.5:1,1001/sips:1001@203.0.113.6,', ['203.0.113.5', '203.0.113.6']],
    ['IPv6', '1001/sip:1001@[2001:db8::5]:5060,', ['2001:db8::5']],
    ['a carrier without user', 'carrier-a/sip:sip.carrier.example:5060,', ['sip.carrier.example']],
    ['none', '', []],
  ])('%s', (_name, text, hosts) => {
    expect(of(text)).toEqual(hosts);
  });
});
