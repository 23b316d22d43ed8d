/**
 * The corpus: what real Asterisks said of real attempts (test/support/record-security-events.ts), and beside it what only
 * other versions say.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { type AmiMessage, createAmiReader } from '../../../src/asterisk/ami-packet.ts';
import { createAttemptCounter } from '../../../src/bans/attempt-counter.ts';
import { type Offence, readSecurityEvent, SECURITY_EVENTS, type Success } from '../../../src/bans/offence.ts';
import { offenceLine, successLine } from '../../support/security-lines.ts';

const CORPUS = join(import.meta.dirname, '../../fixtures/security-events');
const files = readdirSync(CORPUS, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.txt'));
const heard = new Set<string>(SECURITY_EVENTS);

function messagesIn(text: string): AmiMessage[] {
  const messages: AmiMessage[] = [];
  const reader = createAmiReader({ onGreeting: () => undefined, onPacket: ({ message }) => messages.push(message) });
  reader.push(Buffer.from(`Asterisk Call Manager\n${text}`));
  return messages;
}

function count(messages: readonly AmiMessage[]): { offences: Offence[]; successes: Success[]; lines: string[] } {
  const counter = createAttemptCounter();
  const all = { offences: [] as Offence[], successes: [] as Success[], lines: [] as string[] };
  for (const message of messages) {
    const reading = heard.has(message.name) ? readSecurityEvent(message, 'pbx1') : undefined;
    if (reading === undefined) continue;
    const { offence, success } = counter.take(reading);
    if (offence !== undefined) all.offences.push(offence);
    if (success !== undefined) all.successes.push(success);
    if (offence !== undefined) all.lines.push(offenceLine(offence));
    if (success !== undefined) all.lines.push(successLine(success));
  }
  return all;
}

/** One event as chan_pjsip writes it; `changes` replace lines, and undefined leaves one out. */
function event(name: string, changes: Readonly<Record<string, string | undefined>> = {}): AmiMessage {
  const lines = {
    ...{ Event: name, Privilege: 'security,all', EventTV: '2026-11-20T09:20:48.319+0000', Severity: 'Error' },
    ...{ Service: 'PJSIP', EventVersion: '1', AccountID: '1001', SessionID: 'call-1' },
    ...{ LocalAddress: 'IPV4/UDP/198.51.100.1/5060', RemoteAddress: 'IPV4/UDP/203.0.113.9/15081' },
    ...changes,
  };
  const text = Object.entries(lines).flatMap(([key, value]) => (value === undefined ? [] : [`${key}: ${value}\r\n`]));
  const [message] = messagesIn(`${text.join('')}\r\n`);
  if (message === undefined) throw new Error('no event');
  return message;
}

const linesOf = (...events: readonly AmiMessage[]): readonly string[] => count(events).lines;
const failed = (changes: Readonly<Record<string, string | undefined>> = {}): AmiMessage =>
  event('ChallengeResponseFailed', { Challenge: 'nonce', Response: 'response', ExpectedResponse: '', ...changes });

describe('what real Asterisks said', () => {
  it('is a corpus of both versions, with each event that one attempt or another raises', () => {
    const names = files.flatMap((path) => messagesIn(readFileSync(join(CORPUS, path), 'utf8')).map(({ name }) => name));
    // UnexpectedAddress and AuthMethodNotAllowed are defined and raised by nothing in 16.28 or 22.10.
    const never = new Set<string>(['UnexpectedAddress', 'AuthMethodNotAllowed']);
    expect(SECURITY_EVENTS.filter((name) => !names.includes(name) && !never.has(name))).toEqual([]);
    expect(files.filter((path) => path.startsWith('asterisk-16')).length).toBeGreaterThan(55);
    expect(files.filter((path) => path.startsWith('asterisk-22')).length).toBeGreaterThan(40);
  });

  test.each(files.sort())('%s is taken for what it says it is', (path) => {
    const text = readFileSync(join(CORPUS, path), 'utf8');
    const expected = [...text.matchAll(/^# Expected: (.*)$/gm)].map(([, line = '']) => line);
    expect(expected.length).toBeGreaterThan(0);
    const messages = messagesIn(text);
    const { lines, offences } = count(messages);
    expect(lines).toEqual(expected.filter((line) => line !== 'nothing'));
    for (const offence of offences) {
      const { address, port, attackedPort } = offence;
      const isRaised = messages.some(
        (each) =>
          each.get('RemoteAddress').endsWith(`/${address}/${port}`) &&
          each.get('LocalAddress').endsWith(`/${attackedPort}`),
      );
      expect(isRaised).toBe(true);
      expect(messages.map((each) => Date.parse(each.get('EventTV')))).toContain(offence.at);
    }
  });
});

it('an offence says everything that the event tells', () => {
  expect(count([failed()]).offences).toEqual([
    {
      at: Date.UTC(2026, 10, 20, 9, 20, 48, 319),
      service: 'sipRegistration',
      kind: 'wrong-password',
      address: '203.0.113.9',
      port: 15081,
      attackedPort: 5060,
      transport: 'udp',
      account: '1001',
      session: 'call-1',
      isSpoofable: true,
      source: 'pbx1',
    },
  ]);
});

it('times are read with the offset of the Asterisk', () => {
  const [offence] = count([failed({ EventTV: '2026-11-20T10:20:48.319+0100' })]).offences;
  expect(offence?.at).toBe(Date.UTC(2026, 10, 20, 9, 20, 48, 319));
});

test.each([
  ['IPV6/TLS/2001:DB8:0:0:0:0:0:9/5061', '2001:db8::9', 'tls', 5061],
  ['IPV6/UDP/::ffff:203.0.113.9/5060', '203.0.113.9', 'udp', 5060],
  ['IPV6/UDP/fe80::1%eth0/5060', 'fe80::1', 'udp', 5060],
  ['IPV4/SCTP/203.0.113.9/0', '203.0.113.9', null, null],
])('the remote end %s is %s', (remote, address, transport, port) => {
  const [offence] = count([failed({ RemoteAddress: remote })]).offences;
  expect(offence).toMatchObject({ address, transport, port });
  expect(offence?.isSpoofable).toBe(transport !== 'tls');
});

test.each(['', 'IPV4/UDP/203.0.113.9', 'IPV4/UDP/pbx.example/5060', 'IPV4/UDP/010.0.0.1/5060', 'IPV4/UDP/1.2.3.4/5/6'])(
  'an event from the remote end "%s" is not read',
  (remote) => {
    expect(readSecurityEvent(failed({ RemoteAddress: remote }), 'pbx1')).toEqual({ part: 'broken' });
  },
);

test.each([
  'Privilege',
  'EventTV',
  'Severity',
  'Service',
  'EventVersion',
  'SessionID',
  'LocalAddress',
  'RemoteAddress',
])('an event without %s was broken by a line end in a name, and is not read', (key) => {
  expect(readSecurityEvent(failed({ [key]: undefined }), 'pbx1')).toEqual({ part: 'broken' });
});

it('an event that has a line twice is not read, whichever it is', () => {
  for (const line of ['RemoteAddress: IPV4/TCP/192.0.2.9/1', 'SessionID: other', 'Challenge: other']) {
    expect(readSecurityEvent(failed({ AccountID: `x\r\n${line}` }), 'pbx1')).toEqual({ part: 'broken' });
  }
});

it('a date that is not as Asterisk writes it is not read', () => {
  for (const at of ['2026-11-20', 'yesterday', '2026-13-20T09:20:48.319+0000']) {
    expect(readSecurityEvent(failed({ EventTV: at }), 'pbx1')).toEqual({ part: 'broken' });
  }
});

it('a name is cut to 80 characters and holds no control characters', () => {
  const [offence] = count([failed({ AccountID: `a\rb\u0007${'c'.repeat(200)}` })]).offences;
  expect(offence?.account).toBe(`a?b?${'c'.repeat(76)}`);
});

it('events of other services and what tells of load say nothing', () => {
  expect(readSecurityEvent(failed({ Service: 'IAX2' }), 'pbx1')).toBeUndefined();
  for (const name of ['SessionLimit', 'MemoryLimit', 'LoadAverageLimit', 'RequestNotSupported']) {
    expect(readSecurityEvent(event(name), 'pbx1')).toBeUndefined();
  }
});

it('a success without a password speaks for nobody, except on the manager interface, which always asks', () => {
  const open = event('SuccessfulAuth', { UsingPassword: '0' });
  expect(linesOf(open, event('SuccessfulAuth', { UsingPassword: '1' }))).toEqual([
    'success sipRegistration 1001 203.0.113.9 udp',
  ]);
  expect(linesOf(event('SuccessfulAuth', { Service: 'AMI', UsingPassword: '0' }))).toEqual([
    'success ami 1001 203.0.113.9 udp',
  ]);
});

it('what chan_sip refuses without a password is spoofable over TCP too, as it writes into the event what it is sent', () => {
  const chanSip = { Service: 'SIP', RemoteAddress: 'IPV4/TCP/203.0.113.9/15081' };
  for (const name of ['InvalidAccountID', 'FailedACL']) {
    expect(linesOf(event(name, chanSip))).toEqual([expect.stringMatching(/ - 203\.0\.113\.9 tcp spoofable$/)]);
  }
});

describe('an attempt', () => {
  const unknown = (changes: Readonly<Record<string, string>> = {}) => event('InvalidAccountID', changes);
  const challenged = (changes: Readonly<Record<string, string>> = {}) =>
    event('ChallengeSent', { AccountID: '<unknown>', Challenge: '', ...changes });
  const guessed = (response: string, changes: Readonly<Record<string, string>> = {}) =>
    failed({ AccountID: '<unknown>', Response: response, ...changes });
  const later = (seconds: number) => ({
    EventTV: new Date(Date.UTC(2026, 10, 20, 9, 20, 48 + seconds, 319)).toISOString().replace('Z', '+0000'),
  });

  it('is counted with its first event', () => {
    expect(linesOf(unknown())).toHaveLength(1);
  });

  it('on an unknown account counts once for each pair of a request without and one with a password', () => {
    const pair = (response: string) => [unknown(), challenged(), unknown(), guessed(response)];
    expect(linesOf(...pair('a'), ...pair('b'), ...pair('c'))).toHaveLength(3);
  });

  it('that is sent again without a password counts once, and from the fourth repeat again', () => {
    const sent = Array.from({ length: 9 }, () => [unknown(), challenged()]).flat();
    expect(linesOf(...sent.slice(0, 8))).toHaveLength(1);
    expect(linesOf(...sent)).toHaveLength(3);
  });

  it('over TCP counts each time, as nothing is sent again there', () => {
    const tcp = { RemoteAddress: 'IPV4/TCP/203.0.113.9/15081' };
    const sent = Array.from({ length: 5 }, () => [unknown(tcp), challenged(tcp)]).flat();
    expect(linesOf(...sent)).toHaveLength(5);
  });

  it('of a phone that keeps its Call-ID and comes again after a minute counts anew', () => {
    expect(linesOf(unknown(), challenged(), unknown(later(60)), challenged(later(60)))).toHaveLength(2);
    expect(linesOf(failed(), failed(), failed(later(60)))).toHaveLength(2);
  });

  it('of another address on the same Call-ID counts for itself', () => {
    const other = { RemoteAddress: 'IPV4/UDP/203.0.113.10/15081' };
    expect(linesOf(unknown(), unknown(other), failed(), failed(other))).toHaveLength(4);
  });

  it('whose name was hidden by a line end counts by what follows', () => {
    const hidden = unknown({ AccountID: 'x\r\n' });
    expect(linesOf(hidden, challenged(), hidden, guessed('a'), hidden, guessed('b'))).toEqual(
      Array.from({ length: 2 }, () => 'sipRegistration unknown-account - 203.0.113.9 udp spoofable'),
    );
  });

  it('whose name was hidden is never taken for a repeat, as it may be another name each time', () => {
    expect(linesOf(...Array.from({ length: 5 }, () => challenged()))).toHaveLength(5);
  });

  it('of a barred account counts with Asterisks that refuse it without a challenge', () => {
    const barred = event('FailedACL', { ACLName: 'not_match_endpoint_acl' });
    expect(linesOf(barred, barred)).toEqual(['sipRegistration acl 1001 203.0.113.9 udp spoofable']);
    expect(linesOf(...Array.from({ length: 20 }, () => barred)).length).toBeGreaterThan(3);
  });

  it('cannot hide behind a refusal of another account', () => {
    expect(linesOf(unknown({ AccountID: '9001' }), failed())).toHaveLength(2);
  });

  it('is remembered in bounded memory', () => {
    const counter = createAttemptCounter();
    for (let number = 0; number < 12_000; number += 1) {
      const reading = readSecurityEvent(failed({ SessionID: `call-${number}` }), 'pbx1');
      if (reading !== undefined) counter.take(reading);
    }
    expect(counter.size()).toBe(10_000);
  });
});
