import { expect, test } from 'vitest';
import { endpointOfChannel } from '../../../src/asterisk/channel-name.ts';

const endpoints: ReadonlyArray<readonly [why: string, channel: string, endpoint: string]> = [
  ['a PJSIP endpoint', 'PJSIP/1001-0000002a', '1001'],
  ['a chan_sip peer', 'SIP/1001-00000000', '1001'],
  ['a name with a hyphen', 'SIP/carrier-a-00000001', 'carrier-a'],
  ['a name that ends like a suffix', 'PJSIP/desk-0000002a-0000002b', 'desk-0000002a'],
  ['a name with a domain', 'PJSIP/1001@example.com-0000002a', '1001@example.com'],
  ['a suffix grown past 32 bits', 'PJSIP/1001-10000002a', '1001'],
  ['an IAX2 peer', 'IAX2/peer-123', 'peer'],
  ['an IAX2 peer with a hyphen', 'IAX2/branch-office-16389', 'branch-office'],
];

test.each(endpoints)('the channel of %s names its endpoint', (_why, channel, endpoint) => {
  expect(endpointOfChannel(channel)).toBe(endpoint);
});

const others: ReadonlyArray<readonly [why: string, channel: string]> = [
  ['a Local channel', 'Local/2001@ctx-00000003;2'],
  ['a Local channel that imitates an endpoint', 'Local/PJSIP/1001-0000002a'],
  ['an ISDN channel', 'DAHDI/i1/5551234-1'],
  ['an analogue port', 'DAHDI/1-1'],
  ['an IAX2 caller without a peer', 'IAX2/192.0.2.1:4569-123'],
  ['a channel that is being redirected', 'AsyncGoto/PJSIP/1001-0000002a'],
  ['a channel that is gone', 'PJSIP/1001-0000002a<ZOMBIE>'],
  ['an empty name', ''],
  ['a technology alone', 'PJSIP/'],
  ['an endpoint without a suffix', 'PJSIP/1001'],
  ['a suffix without an endpoint', 'PJSIP/-0000002a'],
  ['a short suffix', 'PJSIP/1001-2a'],
  ['a decimal suffix on IAX2 that is no number', 'IAX2/peer-12x'],
  ['a name with a slash', 'PJSIP/a/b-0000002a'],
  ['a name with a line end', 'PJSIP/1001\n-0000002a'],
  ['a lower-case technology', 'pjsip/1001-0000002a'],
  ['a name longer than any channel has', `PJSIP/${'1'.repeat(300)}-0000002a`],
];

test.each(others)('%s has no endpoint', (_why, channel) => {
  expect(endpointOfChannel(channel)).toBeUndefined();
});
