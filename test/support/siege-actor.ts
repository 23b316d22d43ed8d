/**
 * Somebody in a network namespace of the siege: phones, carriers and attackers, with real sockets at any address there.
 *
 * Reads one command a line from standard input, `[number, name, argument]`, and answers each with `[number, value]` or
 * `[number, null, problem]`, whenever it is done: commands run side by side. See siege.ts for the other end.
 */
import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { forged } from './attack.ts';
import { hear, lastHeard, sharedMs, startStream } from './drop-timing.ts';
import { createSipPhone, type SipPhone } from './sip-phone.ts';
import {
  authorization,
  challengeOf,
  headerOf,
  newCallId,
  openSipWire,
  type SipRequest,
  type SipWire,
  sipRequest,
  statusOf,
  type Transport,
} from './sip-wire.ts';

interface Target {
  readonly to: string;
  readonly port: number;
}
interface Sender extends Target {
  readonly from: string;
}

const OPENS_WITHIN_MS = 3000;
/** A busy machine may take long; whoever is answered does not wait so long. */
const ANSWER_WITHIN_MS = 15_000;
const GUESS_ANSWERED_WITHIN_MS = 1500;

const wires = new Map<string, SipWire>();
const phones = new Map<string, { readonly phone: SipPhone; calling: Promise<Calls> | undefined; ends: boolean }>();
const campaigns = new Map<string, { readonly ended: Promise<Record<string, number>>; ends: boolean }>();
const carried: string[] = [];

export interface Calls {
  readonly answered: number;
  /** What became of the others. */
  readonly failed: readonly string[];
}

const wireOf = (name: string): SipWire => {
  const wire = wires.get(name);
  if (wire === undefined) throw new Error(`there is no wire ${name}`);
  return wire;
};
const phoneOf = (name: string) => {
  const found = phones.get(name);
  if (found === undefined) throw new Error(`there is no phone ${name}`);
  return found;
};
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

async function exchange(wire: SipWire, request: SipRequest, withinMs: number): Promise<string | undefined> {
  const text = sipRequest(wire, request);
  wire.send(text);
  return await wire.answer(text, withinMs);
}

interface Guessing {
  readonly user: string;
  readonly passwords: readonly string[];
  readonly withinMs?: number;
  /** The answer to the last one is not waited for: the ban may be there before it. */
  readonly leavesLast?: boolean;
  readonly onTry?: () => void;
}

/** One REGISTER without a password, and one with each password. Stops where nobody answers, which counts as 0. */
async function guesses(wire: SipWire, guessing: Guessing): Promise<number[]> {
  const { user, passwords, withinMs = ANSWER_WITHIN_MS, leavesLast = false, onTry } = guessing;
  const callId = newCallId();
  let sequence = 0;
  const send = (lines: readonly string[], waitMs = withinMs): Promise<string | undefined> => {
    sequence += 1;
    return exchange(wire, { method: 'REGISTER', user, callId, sequence, lines }, waitMs);
  };
  let answer = await send([]);
  const statuses: number[] = [];
  for (const [index, password] of passwords.entries()) {
    if (answer === undefined) return [...statuses, 0];
    const proof = authorization(wire, { user, password, method: 'REGISTER', ...challengeOf(answer) });
    const isLeft = leavesLast && index === passwords.length - 1;
    onTry?.();
    answer = await send([proof], isLeft ? 0 : withinMs);
    if (!isLeft) statuses.push(statusOf(answer));
  }
  return statuses;
}

const commands = {
  ready: () => process.pid,
  /** Runs a program here to its end. */
  run: async (words: readonly [string, ...string[]]) => {
    const [program, ...args] = words;
    return (await promisify(execFile)(program, args)).stdout;
  },

  /** Opens a socket; its problem, if it cannot be opened. */
  open: async ({ name, from, to, port, transport }: Sender & { name: string; transport: Transport }) => {
    const opening = openSipWire({ transport, host: to, port, from });
    opening.then(
      (wire) => wires.set(name, wire),
      () => undefined,
    );
    return await Promise.race([opening.then(() => 'open', messageOf), sleep(OPENS_WITHIN_MS, 'timeout')]);
  },
  /** Asks for a registration as every honest phone begins, which is no attempt: the status, 0 if nobody answers. */
  knock: async ({ name, withinMs = ANSWER_WITHIN_MS }: { name: string; withinMs?: number }) =>
    statusOf(await exchange(wireOf(name), { method: 'REGISTER', user: '1001' }, withinMs)),
  /** Tries passwords: the status of each that is waited for. */
  guess: async ({ name, ...guessing }: { name: string } & Omit<Guessing, 'onTry'>) =>
    await guesses(wireOf(name), guessing),
  /** Datagrams in the name of an address, as one who cannot hear the answers sends them. */
  forge: async ({ from, to, port, user, count }: Sender & { user: string; count: number }) => {
    const wire = await openSipWire({ transport: 'udp', host: to, port, from });
    for (let sent = 0; sent < count; sent += 1) {
      wire.send(sipRequest(wire, forged(wire, user)));
      await sleep(10);
    }
    wire.close();
  },
  /** Addresses that guess and do not stop, whether they are answered or not. */
  campaign: (options: Target & { name: string; from: readonly string[]; user: string; pauseMs: number }) => {
    const { name, from, to, port, user, pauseMs } = options;
    const attack = async (address: string): Promise<readonly [string, number]> => {
      const wire = await openSipWire({ transport: 'udp', host: to, port, from: address });
      let answered = 0;
      for (let tried = 0; !campaign.ends; tried += 1) {
        const statuses = await guesses(wire, {
          user,
          passwords: [`guess-${tried}`],
          withinMs: GUESS_ANSWERED_WITHIN_MS,
        });
        if ((statuses.at(-1) ?? 0) > 0) answered += 1;
        await sleep(pauseMs * (0.5 + Math.random()));
      }
      wire.close();
      return [address, answered];
    };
    const start = async () => Object.fromEntries(await Promise.all(from.map(attack)));
    const campaign = { ended: sleep(0).then(start), ends: false };
    campaigns.set(name, campaign);
  },
  /** How many guesses of each address were answered. */
  endCampaign: async (name: string) => {
    const campaign = campaigns.get(name);
    if (campaign === undefined) throw new Error(`there is no campaign ${name}`);
    campaign.ends = true;
    return await campaign.ended;
  },

  phone: async (options: Sender & { name: string; user: string; password: string }) => {
    const { name, user, password, from, to, port } = options;
    const phone = await createSipPhone({ user, password, address: from, server: to, sipPort: port });
    phones.set(name, { phone, calling: undefined, ends: false });
  },
  register: async (name: string) => await phoneOf(name).phone.register(),
  call: async ({ name, destination }: { name: string; destination: string }) =>
    await phoneOf(name).phone.call(destination),
  /** Calls one after another until {@link commands.endCalls}. */
  keepCalling: ({ name, destination, pauseMs }: { name: string; destination: string; pauseMs: number }) => {
    const found = phoneOf(name);
    const run = async (): Promise<Calls> => {
      const failed: string[] = [];
      let answered = 0;
      while (!found.ends) {
        const outcome = await found.phone.call(destination).catch(messageOf);
        if (outcome === 200) answered += 1;
        else failed.push(String(outcome));
        await sleep(pauseMs);
      }
      return { answered, failed };
    };
    found.ends = false;
    found.calling = run();
  },
  endCalls: async (name: string) => {
    const found = phoneOf(name);
    found.ends = true;
    return (await found.calling) ?? { answered: 0, failed: [] };
  },

  /** Hears streams; see drop-timing.ts. */
  hear,
  lastHeard,
  /** Runs a program, and says when that was begun. */
  runAt: async (words: readonly [string, ...string[]]) => {
    const startMs = sharedMs();
    await commands.run(words);
    return startMs;
  },
  /**
   * Sends a stream, provokes with so many wrong passwords, and goes on until nobody answers. Without passwords it
   * waits for somebody else to have it dropped. Times are of {@link sharedMs}; `lastAt` is the time of day.
   */
  provoke: async (options: Sender & { streamTo: number; passwords: number; silenceMs: number; withinMs: number }) => {
    const { from, to, port, streamTo, passwords, silenceMs, withinMs } = options;
    const stream = await startStream({ from, to, port: streamTo });
    const tries = Array.from({ length: passwords }, (_, each) => `wrong-${each}`);
    let [lastMs, lastAt] = [0, 0];
    if (passwords > 0) {
      const wire = await openSipWire({ transport: 'udp', host: to, port, from });
      const onTry = (): void => {
        [lastMs, lastAt] = [sharedMs(), Date.now()];
      };
      await guesses(wire, { user: '1002', passwords: tries, leavesLast: true, onTry });
      wire.close();
    }
    await stream.untilSilent(silenceMs, withinMs);
    stream.stop();
    return { lastMs, lastAt, sentMs: stream.sentMs };
  },

  /** A carrier that answers every call at once. */
  carrier: async ({ from, port }: { from: string; port: number }) => {
    const socket = createSocket('udp4');
    socket.on('message', (data, sender) => {
      const text = data.toString('utf8');
      const [method] = text.split(' ');
      if (method === 'ACK' || method === 'SIP/2.0') return;
      // Asterisk sends again what was not answered in time.
      if (method === 'INVITE' && !carried.includes(headerOf(text, 'Call-ID'))) carried.push(headerOf(text, 'Call-ID'));
      socket.send(answerTo(text, { from, port, isInvite: method === 'INVITE' }), sender.port, sender.address);
    });
    socket.bind(port, from);
    await once(socket, 'listening');
  },
  /** Calls that reached it. */
  carried: () => carried.length,
};
/** Names, arguments and answers of what an actor does. */
export type Commands = typeof commands;

function answerTo(request: string, options: { from: string; port: number; isInvite: boolean }): string {
  const { from, port, isInvite } = options;
  const media = `v=0\r\no=- 1 1 IN IP4 ${from}\r\ns=-\r\nc=IN IP4 ${from}\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n`;
  const body = isInvite ? media : '';
  const to = headerOf(request, 'To');
  return [
    'SIP/2.0 200 OK',
    ...['Via', 'From', 'Call-ID', 'CSeq'].map((name) => `${name}: ${headerOf(request, name)}`),
    `To: ${to.includes('tag=') ? to : `${to};tag=carrier`}`,
    `Contact: <sip:carrier@${from}:${port}>`,
    ...(isInvite ? ['Content-Type: application/sdp'] : []),
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n');
}

const commandOf = async (name: keyof Commands, argument: never): Promise<unknown> => await commands[name](argument);

async function obey(line: string): Promise<void> {
  // The only one who writes here is siege.ts, which types what it sends.
  const [id, name, argument] = JSON.parse(line) as [number, keyof Commands, never];
  const answer = await commandOf(name, argument).then(
    (value) => [id, value ?? null],
    (error: unknown) => [id, null, messageOf(error)],
  );
  console.log(JSON.stringify(answer));
}

for await (const line of createInterface({ input: process.stdin })) void obey(line);
process.exit(0);
