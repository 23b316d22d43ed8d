/**
 * A hundred thousand hostile security events through the packet reader and the offence reader. Repeat a run with
 * SECURITY_FUZZ_SEED.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { createAmiReader } from '../../src/asterisk/ami-packet.ts';
import { createAttemptCounter } from '../../src/bans/attempt-counter.ts';
import { type Offence, readSecurityEvent, type Success } from '../../src/bans/offence.ts';
import { formatAddress, readAddress } from '../../src/policy/addresses.ts';
import { SERVICES } from '../../src/policy/settings.ts';

const INPUTS = Number(process.env['SECURITY_FUZZ_INPUTS'] ?? 100_000);
const SEED = Number(process.env['SECURITY_FUZZ_SEED'] ?? Date.now() % 2 ** 31);
const CORPUS = join(import.meta.dirname, '../fixtures/security-events');

/** Real events, to be spoiled: the lines of each. */
const real = readdirSync(CORPUS, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.txt'))
  .flatMap((path) => readFileSync(join(CORPUS, path), 'utf8').split('\n\n'))
  .map((packet) => packet.split('\n').filter((line) => line !== '' && !line.startsWith('#')))
  .filter((lines) => lines[0]?.startsWith('Event: ') === true && lines.length > 5);

const keys = [
  ...['Event', 'Privilege', 'EventTV', 'Severity', 'Service', 'EventVersion', 'AccountID', 'SessionID', 'LocalAddress'],
  ...['RemoteAddress', 'Challenge', 'Response', 'ReceivedChallenge', 'ReceivedHash', 'ACLName', 'UsingPassword'],
  ...['__proto__', 'constructor', 'toString', 'remoteaddress', '', ' ', 'é', 'x'.repeat(9_000)],
];
const values = [
  ...['', ' ', '<unknown>', 'anonymous', '0', '1', '-1', '\0', '\r', '\u2028', '\ud800', '%0d%0a', '${X}', '__proto__'],
  ...['PJSIP', 'SIP', 'AMI', 'IAX2', 'security,all', 'sip:1@x', 'sips:@', 'x'.repeat(9_000), '電'.repeat(3_000)],
  ...['IPV4/UDP/0.0.0.0/0', 'IPV4/UDP/255.255.255.255/65535', 'IPV4/UDP/1.2.3.4/65536', 'IPV4/UDP/1.2.3.4', '////'],
  ...['IPV4/UDP/010.1.1.1/1', 'IPV4/UDP/127.1/1', 'IPV4/UDP/0x7f.1.1.1/1', 'IPV4/UDP/1.2.3.4 /1', 'IPV4/udp/1.2.3.4/1'],
  ...['IPV6/UDP/::/1', 'IPV6/TCP/::ffff:1.2.3.4/1', 'IPV6/WS/fe80::1%eth0/1', 'IPV6/UDP/[::1]/1', 'IPV6/UDP/:::/1'],
  ...[
    'IPV4/UDP/10.0.0.0/8',
    'IPV4/UDP/pbx.example/1',
    'IPV4/UDP/1.2.3.4/1/1',
    'IPV4/UDP/1.2.3.4;drop/1',
    'IPV4/UDP/ /1',
  ],
  ...['2026-11-20T09:20:48.319+0000', '9999-99-99T99:99:99.999+9999', '275760-09-13T00:00:00.000+0000', 'now'],
];

/** mulberry32. */
function createRandom(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound);
  };
}

function hostile(random: (bound: number) => number): string {
  const pick = <T>(from: readonly T[]): T => {
    const one = from[random(from.length)];
    if (one === undefined) throw new Error('nothing to pick from');
    return one;
  };
  const lines = [...pick(real)];
  for (let change = random(6); change > 0; change -= 1) {
    const at = random(lines.length + 1);
    const key = random(3) === 0 ? pick(keys) : (lines[at]?.split(':', 1)[0] ?? pick(keys));
    const line = `${key}: ${random(4) === 0 ? String.fromCharCode(...Array.from({ length: random(40) }, () => random(65_536))) : pick(values)}`;
    const what = random(5);
    if (what === 0) lines.splice(at, 1);
    else if (what === 1) lines.splice(at, 0, line);
    else if (what === 2) lines.splice(at, 0, '', `Event: ${pick(values)}`);
    else lines[at] = line;
  }
  return `${lines.join(random(2) === 0 ? '\r\n' : '\n')}\r\n\r\n`;
}

/** Why it is not one to be passed on; undefined for a sound one. */
function faultOf({ address, account, service, at }: Offence | Success): string | undefined {
  const read = readAddress(address);
  if (read === undefined || formatAddress(read) !== address) return `the address ${address}`;
  if (account !== undefined && (account.length > 80 || /[\p{Cc}\p{Cs}]/u.test(account)))
    return `the account ${account}`;
  if (!SERVICES.includes(service)) return `the service ${service}`;
  return Number.isFinite(at) ? undefined : 'the time';
}

function faultOfOffence(offence: Offence): string | undefined {
  const { port, attackedPort, session, transport } = offence;
  for (const each of [port, attackedPort]) {
    if (each !== null && !(Number.isInteger(each) && each >= 1 && each <= 65_535)) return `the port ${each}`;
  }
  if (session.length > 120) return 'the session';
  if (transport === 'udp' && !offence.isSpoofable && !(offence.service === 'sipCall' || /^0x/.test(session))) {
    return 'a datagram that counts as proven';
  }
  return faultOf(offence);
}

test('no security event makes a reader throw, or yields what is not an address; the honest one after each is counted', () => {
  const random = createRandom(SEED);
  const counter = createAttemptCounter();
  const tally = { offences: 0, successes: 0, broken: 0 };
  let last: Offence | undefined;
  const reader = createAmiReader({
    onGreeting: () => undefined,
    onPacket: ({ message }) => {
      const reading = readSecurityEvent(message, 'pbx');
      if (reading === undefined) return;
      if (reading.part === 'broken') tally.broken += 1;
      const { offence, success } = counter.take(reading);
      const fault = offence === undefined ? undefined : faultOfOffence(offence);
      const other = success === undefined ? undefined : faultOf(success);
      if (fault !== undefined || other !== undefined) throw new Error(`${fault ?? other} of seed ${SEED}`);
      tally.offences += offence === undefined ? 0 : 1;
      tally.successes += success === undefined ? 0 : 1;
      last = offence;
    },
  });
  reader.push(Buffer.from('Asterisk Call Manager\r\n'));
  for (let number = 0; number < INPUTS; number += 1) {
    reader.push(Buffer.from(hostile(random)));
    const honest = [
      ...['Event: InvalidPassword', 'Privilege: security,all', 'EventTV: 2026-11-20T09:20:48.319+0000'],
      ...['Severity: Error', 'Service: AMI', 'EventVersion: 2', 'AccountID: admin', `SessionID: 0x${number}`],
      ...['LocalAddress: IPV4/TCP/198.51.100.1/5038', `RemoteAddress: IPV4/TCP/203.0.113.9/${1 + (number % 60_000)}`],
    ];
    reader.push(Buffer.from(`${honest.join('\r\n')}\r\n\r\n`));
    if (last?.session !== `0x${number}`) throw new Error(`input ${number} of seed ${SEED} spoiled the event after it`);
  }
  // Some of each, so that neither side is all there is.
  expect(tally.offences - INPUTS).toBeGreaterThan(INPUTS / 20);
  expect(tally.successes).toBeGreaterThan(INPUTS / 500);
  expect(tally.broken).toBeGreaterThan(INPUTS / 20);
  expect(counter.size()).toBeLessThanOrEqual(10_000);
}, 180_000);

test('sixty thousand attempts take no more memory than those that are remembered', () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage: () => void = runInNewContext('gc');
  const counter = createAttemptCounter();
  const lines = (number: number): string =>
    [
      ...['Event: InvalidAccountID', 'Privilege: security,all', 'EventTV: 2026-11-20T09:20:48.319+0000'],
      ...['Severity: Error', 'Service: PJSIP', 'EventVersion: 1', `AccountID: ${number}${'x'.repeat(4_000)}`],
      ...[`SessionID: ${number}${'y'.repeat(4_000)}`, 'LocalAddress: IPV4/UDP/198.51.100.1/5060'],
      ...['RemoteAddress: IPV4/UDP/203.0.113.9/5060', '', ''],
    ].join('\r\n');
  const reader = createAmiReader({
    onGreeting: () => undefined,
    onPacket: ({ message }) => {
      const reading = readSecurityEvent(message, 'pbx');
      if (reading !== undefined) counter.take(reading);
    },
  });
  reader.push(Buffer.from('Asterisk Call Manager\r\n'));
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  for (let number = 0; number < 60_000; number += 1) reader.push(Buffer.from(lines(number)));
  collectGarbage();
  expect(counter.size()).toBe(10_000);
  expect((process.memoryUsage().heapUsed - before) / 10_000).toBeLessThan(2_000);
}, 180_000);
