/**
 * One log-in to the manager interface (AMI) of an Asterisk, from the TCP connection to its end.
 *
 * Guarantees that `onEnd` is called exactly once and that nothing outlives it: no timer, no half-read line, no action
 * without its answer or error. An action is never queued: it is written at once or refused at once. Bytes that wait to be
 * sent, actions in flight and lists are bounded. Everything that arrives is handled before the next read, so that a slow
 * listener slows the connection down instead of filling the memory.
 * Refuses to know: when to connect again, and who listens.
 */
import { randomUUID } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { messageOf, TollgateError } from '../errors.ts';
import { type AmiMessage, type AmiPacket, createAmiReader, encodeAction } from './ami-packet.ts';

export interface AmiSessionTimings {
  /** From the first packet to the answer of the log-in. Asterisk itself waits a second before it refuses one. */
  readonly loginWithinMs: number;
  readonly pingEveryMs: number;
  /** A connection on which nothing at all arrives for this long after a Ping is dead. */
  readonly pingWithinMs: number;
}

export interface AmiSessionOptions {
  /** The Asterisk's name, for messages. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  /** The log-in's `Events` header: `on` or a list of event classes such as `system,call,security`. */
  readonly events: string;
  readonly timings: AmiSessionTimings;
  /** Logged in; called at most once, before the first event. */
  readonly onUp: () => void;
  readonly onEvent: (event: AmiMessage) => void;
  readonly onEnd: (end: AmiSessionEnd) => void;
}

/** Why a session is over. `refused`: reached, but not let in, so that trying again soon cannot help. */
export interface AmiSessionEnd {
  readonly kind: 'unavailable' | 'refused';
  /** A clause about the Asterisk, such as `closed the connection`. */
  readonly problem: string;
}

type Fields = Readonly<Record<string, string>>;

/** An action on its way. `fail` is called with the reason when Asterisk refuses it, unless there is `onRefusal`. */
interface InFlight {
  readonly action: string;
  readonly onAnswer: (answer: AmiPacket) => void;
  readonly onItem?: (item: AmiPacket) => void;
  readonly onRefusal?: (reason: string) => void;
  readonly fail: (error: TollgateError) => void;
  readonly timer: NodeJS.Timeout;
}

const MAX_IN_FLIGHT = 1000;
const MAX_WAITING_BYTES = 1024 * 1024;
const MAX_LIST_ITEMS = 20_000;
const MAX_LIST_BYTES = 32 * 1024 * 1024;
const GREETING = 'Asterisk Call Manager';

export class AmiSession {
  readonly #options: AmiSessionOptions;
  readonly #socket: Socket;
  readonly #inFlight = new Map<string, InFlight>();
  readonly #loginTimer: NodeJS.Timeout;
  #pingTimer: NodeJS.Timeout | undefined;
  #phase: 'connecting' | 'up' | 'ended' = 'connecting';
  #socketError = '';
  /** Chunks read so far, as a sign of life. */
  #chunks = 0;

  constructor(options: AmiSessionOptions) {
    this.#options = options;
    const { host, port, timings } = options;
    const reader = createAmiReader({
      onGreeting: (line) => this.#onGreeting(line),
      onPacket: (packet) => this.#onPacket(packet),
    });
    this.#socket = connect({ host, port, noDelay: true, keepAlive: true });
    this.#socket.on('data', (chunk: Buffer) => {
      this.#chunks += 1;
      reader.push(chunk);
    });
    this.#socket.on('error', (error: NodeJS.ErrnoException) => {
      // The error of a host with several addresses has no message of its own.
      this.#socketError = error.message || error.code || 'unknown error';
    });
    this.#socket.on('close', () => {
      if (this.#phase === 'up') this.end(`closed the connection${this.#socketError && ` (${this.#socketError})`}`);
      else this.end(this.#socketError ? `cannot be reached: ${this.#socketError}` : 'closed before it let us in');
    });
    this.#loginTimer = afterReading(timings.loginWithinMs, () => {
      if (this.#phase === 'connecting') this.end(`did not let us in within ${timings.loginWithinMs} ms`);
    });
  }

  /** Ends the session now. Repeating it does nothing. */
  end(problem: string, kind: AmiSessionEnd['kind'] = 'unavailable'): void {
    if (this.#phase === 'ended') return;
    this.#phase = 'ended';
    clearTimeout(this.#loginTimer);
    clearTimeout(this.#pingTimer);
    this.#socket.destroy();
    const inFlight = [...this.#inFlight.values()];
    this.#inFlight.clear();
    for (const { timer, fail } of inFlight) {
      clearTimeout(timer);
      fail(this.#unavailable(problem));
    }
    this.#options.onEnd({ kind, problem });
  }

  /** Sends one action; rejects as {@link AmiConnection.action} says. */
  action(name: string, fields: Fields, withinMs: number): Promise<AmiMessage> {
    return new Promise((resolve, reject) => {
      this.#send(name, fields, withinMs, {
        onAnswer: (packet) => {
          if (packet.isCut) reject(this.#unavailable(`answered ${name} at greater length than is read`));
          else resolve(packet.message);
        },
        fail: reject,
      });
    });
  }

  /** Sends one list action; rejects as {@link AmiConnection.list} says. */
  list(name: string, fields: Fields, withinMs: number): Promise<readonly AmiMessage[]> {
    return new Promise((resolve, reject) => {
      const items: AmiMessage[] = [];
      let bytes = 0;
      const id = this.#send(name, fields, withinMs, {
        // The items follow; an error has been taken care of before.
        onAnswer: () => undefined,
        onItem: ({ message, bytes: itemBytes }) => {
          const flag = message.get('EventList').toLowerCase();
          bytes += itemBytes;
          if (flag === '' && items.length < MAX_LIST_ITEMS && bytes <= MAX_LIST_BYTES) {
            items.push(message);
            return;
          }
          this.#settle(id);
          if (flag === 'complete') resolve(items);
          else if (flag === '') reject(this.#unavailable(`answered ${name} with more items than are read`));
          else reject(this.#refused(name, `the list was ended with ${flag}`));
        },
        fail: reject,
      });
    });
  }

  /**
   * Writes an action and keeps it in flight. Returns its id.
   *
   * Ids cannot be guessed, so that text which somebody smuggles into an event cannot pose as an answer.
   */
  #send(name: string, fields: Fields, withinMs: number, handlers: Omit<InFlight, 'action' | 'timer'>): string {
    const id = randomUUID();
    const text = encodeAction(name, id, fields);
    if (this.#inFlight.size >= MAX_IN_FLIGHT || this.#socket.writableLength > MAX_WAITING_BYTES) {
      throw this.#unavailable(`has too many actions to answer already, ${name} was not sent`);
    }
    const timer = afterReading(withinMs, () => {
      if (this.#settle(id)) handlers.fail(this.#unavailable(`did not answer ${name} within ${withinMs} ms`));
    });
    this.#inFlight.set(id, { ...handlers, action: name, timer });
    this.#socket.write(text, 'utf8');
    return id;
  }

  #settle(id: string): boolean {
    clearTimeout(this.#inFlight.get(id)?.timer);
    return this.#inFlight.delete(id);
  }

  #onGreeting(line: string): void {
    if (!line.startsWith(GREETING)) {
      this.end(`answers, but not as a manager interface: ${JSON.stringify(line.slice(0, 60))}`);
      return;
    }
    const { username, password, events, timings } = this.#options;
    const fields = { Username: username, Secret: password, Events: events };
    try {
      this.#send('Login', fields, timings.loginWithinMs, {
        onAnswer: () => this.#onLoggedIn(),
        onRefusal: (reason) => this.end(`refuses the manager user ${username}: ${reason}`, 'refused'),
        // The time limit of the whole log-in, or the end of the session, takes care of it.
        fail: () => undefined,
      });
    } catch (error) {
      this.end(`cannot be told the user or password: ${messageOf(error)}`, 'refused');
    }
  }

  #onLoggedIn(): void {
    this.#phase = 'up';
    clearTimeout(this.#loginTimer);
    this.#pingTimer = setTimeout(() => this.#ping(), this.#options.timings.pingEveryMs);
    this.#options.onUp();
  }

  /** TCP alone takes many minutes to find that the other side is gone (a cut cable, a host without power). */
  #ping(): void {
    const { pingEveryMs, pingWithinMs } = this.#options.timings;
    const chunksBefore = this.#chunks;
    const next = (): void => {
      if (this.#phase === 'up') this.#pingTimer = setTimeout(() => this.#ping(), pingEveryMs);
    };
    this.action('Ping', {}, pingWithinMs).then(next, () => {
      // A refusal is an answer, and so is any event: behind thousands of them the answer may be late.
      if (this.#chunks > chunksBefore) next();
      else this.end('does not answer any more');
    });
  }

  #onPacket(packet: AmiPacket): void {
    const { message, kind } = packet;
    const id = message.get('ActionID');
    const inFlight = id === '' ? undefined : this.#inFlight.get(id);
    if (kind === 'event') {
      if (inFlight?.onItem !== undefined) inFlight.onItem(packet);
      else if (this.#phase === 'up') this.#options.onEvent(message);
      return;
    }
    // Without one it is the answer to an action whose deadline was over.
    if (inFlight === undefined) return;
    const isRefusal = message.get('Response').toLowerCase() === 'error';
    if (isRefusal || inFlight.onItem === undefined) this.#settle(id);
    if (!isRefusal) inFlight.onAnswer(packet);
    else if (inFlight.onRefusal !== undefined) inFlight.onRefusal(reasonIn(message));
    else inFlight.fail(this.#refused(inFlight.action, reasonIn(message)));
  }

  #unavailable(problem: string): TollgateError {
    return new TollgateError('AMI_UNAVAILABLE', `Asterisk ${this.#options.name} ${problem}`);
  }

  #refused(action: string, reason: string): TollgateError {
    return new TollgateError('AMI_REFUSED', `Asterisk ${this.#options.name} refused ${action}: ${reason}`);
  }
}

/** Asterisk's own sentence. A refused `Command` has it in its output. */
function reasonIn(answer: AmiMessage): string {
  const [output = ''] = answer.all('Output');
  return (output || answer.get('Message') || 'no reason given').slice(0, 300);
}

/**
 * A timer whose end is looked at after what has arrived by then was read: a process that was stopped for a while finds
 * its timers over and its answers waiting, in this order.
 */
function afterReading(ms: number, run: () => void): NodeJS.Timeout {
  return setTimeout(() => setImmediate(run), ms);
}
