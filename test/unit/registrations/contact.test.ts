import { describe, expect, it, test } from 'vitest';
import { type AmiMessage, createAmiReader } from '../../../src/asterisk/ami-packet.ts';
import { aclText } from '../../../src/registrations/acl-file.ts';
import { contactsOf, hostOf, remoteAddress } from '../../../src/registrations/contact.ts';
import { policyOf } from '../../support/policy.ts';

function messages(text: string): AmiMessage[] {
  const read: AmiMessage[] = [];
  const reader = createAmiReader({ onGreeting: () => undefined, onPacket: ({ message }) => void read.push(message) });
  reader.push(Buffer.from(`Asterisk Call Manager/11.0.0\r\n${text.trim().replaceAll('\n', '\r\n')}\r\n\r\n`));
  return read;
}

/** As recorded from 22.10.1, without what nobody reads. */
const answer = (rewrite: boolean) =>
  messages(`Event: EndpointDetail
ObjectName: 1001
RewriteContact: ${rewrite}

Event: ContactStatusDetail
URI: sip:1001@127.0.0.3:53928;x-ast-orig-host=10.9.9.9:5060
ViaAddress: 10.9.9.9:5060
CallID: 99e5b1752491b6d6
ID: 1001;@2c5977b1aa0d12d347189a25ab079fe1

Event: ContactStatusDetail
URI: sip:192.0.2.7:5060
CallID: 
ID: 1001@@54d2f85405aa0d12d347189a25ab079f`);

describe('the contacts of an endpoint', () => {
  it('have the address of the packet where Asterisk rewrites it, and those of the configuration are left out', () => {
    expect(contactsOf(answer(true))).toEqual([
      {
        id: '1001;@2c5977b1aa0d12d347189a25ab079fe1',
        callId: '99e5b1752491b6d6',
        uri: 'sip:1001@127.0.0.3:53928;x-ast-orig-host=10.9.9.9:5060',
        rewritten: '127.0.0.3',
      },
    ]);
  });

  it('have no known address where the URI is what the phone claims', () => {
    expect(contactsOf(answer(false)).map(({ rewritten }) => rewritten)).toEqual([undefined]);
  });
});

test.each([
  ['sip:1001@203.0.113.9:5060', '203.0.113.9'],
  ['sip:203.0.113.9', '203.0.113.9'],
  ['sips:1001@[2001:db8::7]:5061;transport=tls', '2001:db8::7'],
  ['sip:1001%40198.51.100.1@203.0.113.9', '203.0.113.9'],
  ['sip:a;b=c@203.0.113.9?x=y', '203.0.113.9'],
  ['sip:1001@phone.example', undefined],
  ['tel:1001', undefined],
  ['', undefined],
])('the address in %s is %s', (uri, address) => {
  expect(hostOf(uri)).toBe(address);
});

test.each([
  ['IPV4/UDP/127.0.0.1/15081', '127.0.0.1'],
  ['IPV6/UDP/2001:db8::1/15081', '2001:db8::1'],
  ['IPV4/UDP/127.0.0.1', '127.0.0.1'],
  ['IPV4/UDP/127.0.0.1/5/6', undefined],
  ['', undefined],
])('the remote address %s of a security event is %s', (text, address) => {
  const [event] = messages(`Event: SuccessfulAuth\nRemoteAddress: ${text}`);
  expect(event === undefined ? 'none' : remoteAddress(event)).toBe(address);
});

test('the file for Asterisk refuses everything and then permits the networks of the policy, range by range', () => {
  const { places } = policyOf({
    extensions: {
      '1001': { registerFrom: ['203.0.113.0/24', '198.51.100.6-198.51.100.8'] },
      '1002': { registerFrom: ['::1'] },
    },
  });
  expect(aclText(places, ['1001']).split('\n').slice(1)).toEqual([
    '',
    '[1001](+type=endpoint)',
    'deny = 0.0.0.0/0',
    'deny = ::/0',
    'permit = 203.0.113.0/24',
    'permit = 198.51.100.6/31',
    'permit = 198.51.100.8',
    '',
  ]);
});
