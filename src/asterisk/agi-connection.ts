/**
 * The life of one FastAGI connection: read the environment, ask the handler, send one command, see it confirmed, close.
 *
 * Guarantees that every connection ends in exactly one way (`ConnectionEnd`), that at most one command is ever
 * written, in one write, that an answer's `onDelivered` is called exactly once, and that nothing a client sends makes
 * it throw or keep more than a few kilobytes. It owns no timer: the server's sweep asks it whether it is overdue.
 *
 * Facts of Asterisk that shape it: the line `HANGUP` comes out of turn, and also after our own half close, so it
 * counts as a caller's hang-up only before the command is confirmed; a channel whose caller hung up lives until the
 * server closes, so a hang-up is answered by closing at once; AGI has no read limit on Asterisk's side, so a
 * connection that cannot be answered is closed without a command, and the dialplan goes by its missing variable.
 */
import type { Socket } from 'node:net';
import { encodeSetVariables, type SetVariables } from './agi-command.ts';
import {
  type AgiRequest,
  createEnvironmentReader,
  type EnvironmentLimits,
  parseAgiLine,
  parseRequest,
} from './agi-protocol.ts';

/**
 * What became of an answer. `delivered`: Asterisk confirmed the variables on a live channel. `hung-up`: the caller was
 * gone before that, so the call does not go out. `failed`: not confirmed, for a time limit, a lost connection or a
 * refused command; the dialplan most likely never saw it.
 */
export type DeliveryOutcome = 'delivered' | 'hung-up' | 'failed';

/** A handler's answer; no variables for one that sets none. `onDelivered` is called exactly once, also when the answer came too late to be sent. */
export interface AgiAnswer {
  readonly variables: SetVariables;
  readonly onDelivered?: (outcome: DeliveryOutcome) => void;
}

/** What a handler is given. */
export interface AgiSession {
  readonly request: AgiRequest;
  /** True once the caller is gone or the connection lost: work done for the answer is work for nobody. */
  readonly hungUp: boolean;
  /** The same as a signal. Made at the first use, because most handlers answer within a millisecond and never look. */
  readonly signal: AbortSignal;
}

/** Answers one request. A rejection closes the connection without a command and is logged; it is never retried. */
export type AgiHandler = (session: AgiSession) => Promise<AgiAnswer>;

/**
 * How a connection ended. `served`: confirmed. `hungUp`: the caller went first. `abandoned`: closed by the client before
 * its environment was complete. `malformed`: what came was not AGI. `unconfirmed`: the command was sent and not
 * confirmed. `refusedByAsterisk`: it was answered with an error, e.g. because app MSet is not loaded. `cutOff`: still
 * running when the server's closing time was over.
 */
export type ConnectionEnd =
  | 'served'
  | 'hungUp'
  | 'abandoned'
  | 'malformed'
  | 'timedOut'
  | 'handlerFailed'
  | 'unconfirmed'
  | 'refusedByAsterisk'
  | 'cutOff';

/** What all connections of a server share. */
export interface ConnectionContext {
  readonly handle: AgiHandler;
  readonly environmentLimits: EnvironmentLimits;
  readonly requestTimeoutMs: number;
  readonly sessionTimeoutMs: number;
  /** Called once per connection, when it is decided how it ended; its socket may still be closing. */
  readonly onEnd: (end: ConnectionEnd, detail: string, cause?: unknown) => void;
  /** A handler's `onDelivered` threw, or its late failure came after the connection had ended. */
  readonly onHandlerFault: (cause: unknown, path: string) => void;
}

/** Replies are short ("200 result=1"); a longer line is not a reply of ours to wait for. */
const MAX_REPLY_BYTES = 8192;

/** Reading the environment, waiting for the handler, waiting for the confirmation, or over. */
type Phase = 'reading' | 'deciding' | 'confirming' | 'ended';

export class AgiConnection implements AgiSession {
  readonly #socket: Socket;
  readonly #context: ConnectionContext;
  readonly #acceptedAtMs: number;
  readonly #reader;
  #phase: Phase = 'reading';
  #request: AgiRequest | undefined;
  #replyText = '';
  #replyBytes = 0;
  #answer: AgiAnswer | undefined;
  #lateOutcome: DeliveryOutcome = 'failed';
  #hungUp = false;
  #abort: AbortController | undefined;

  constructor(socket: Socket, context: ConnectionContext, acceptedAtMs: number) {
    this.#socket = socket;
    this.#context = context;
    this.#acceptedAtMs = acceptedAtMs;
    this.#reader = createEnvironmentReader(context.environmentLimits);
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    // Every error is followed by 'close', where the connection is ended; unheard, it would end the process.
    socket.on('error', ignore);
  }

  get request(): AgiRequest {
    if (this.#request === undefined) throw new Error('the request has not been read yet');
    return this.#request;
  }

  get hungUp(): boolean {
    return this.#hungUp;
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#hungUp) this.#abort.abort();
    }
    return this.#abort.signal;
  }

  /** The socket is closed, by whichever side. */
  onClose(): void {
    switch (this.#phase) {
      case 'reading':
        this.#end('abandoned', 'closed before its environment was complete');
        return;
      case 'deciding':
        this.#endHungUp('closed before its answer');
        return;
      case 'confirming':
        this.#end('unconfirmed', 'closed before it confirmed the answer');
        return;
      case 'ended':
        return;
      default:
        this.#phase satisfies never;
    }
  }

  /** Destroys the connection if one of its time limits is over. Also cuts a client that does not close after the end. */
  sweep(nowMs: number): void {
    const ageMs = nowMs - this.#acceptedAtMs;
    if (this.#phase === 'reading' && ageMs >= this.#context.requestTimeoutMs) {
      this.#end('timedOut', 'no complete environment in time');
    } else if (ageMs >= this.#context.sessionTimeoutMs) {
      this.#end('timedOut', this.#phase === 'deciding' ? 'no answer in time' : 'no confirmation in time');
    } else {
      return;
    }
    this.#socket.destroy();
  }

  /** Ends the connection now, whatever it is doing. */
  cutOff(): void {
    this.#end('cutOff', 'still running when the server closed');
    this.#socket.destroy();
  }

  #onData(chunk: Buffer): void {
    switch (this.#phase) {
      case 'reading':
        this.#onEnvironment(chunk);
        return;
      case 'deciding':
      case 'confirming':
        this.#onReply(chunk);
        return;
      case 'ended':
        // Read and forgotten: the HANGUP of every normal end, and whatever a client goes on sending until it is swept.
        return;
      default:
        this.#phase satisfies never;
    }
  }

  #onEnvironment(chunk: Buffer): void {
    const progress = this.#reader.push(chunk);
    switch (progress.kind) {
      case 'more':
        return;
      case 'malformed':
        this.#end('malformed', progress.reason);
        this.#socket.destroy();
        return;
      case 'complete':
        this.#phase = 'deciding';
        this.#request = parseRequest(progress.environment);
        if (progress.rest.length > 0) this.#onReply(progress.rest);
        // A hang-up right behind the environment: nobody is left to decide for.
        if (this.#phase === 'deciding') this.#ask();
        return;
      default:
        progress satisfies never;
    }
  }

  #ask(): void {
    let answer: Promise<AgiAnswer>;
    try {
      answer = this.#context.handle(this);
    } catch (error) {
      this.#onHandlerFailure(error);
      return;
    }
    answer.then(
      (value) => this.#onAnswer(value),
      (error: unknown) => this.#onHandlerFailure(error),
    );
  }

  #onAnswer(answer: AgiAnswer): void {
    if (this.#phase !== 'deciding') {
      this.#tell(answer, this.#lateOutcome);
      return;
    }
    if (answer.variables.length === 0) {
      // A report wants no answer. Closing is how the dialplan learns that it was heard.
      this.#answer = answer;
      this.#end('served', '');
      this.#socket.end();
      return;
    }
    let command: string;
    try {
      command = encodeSetVariables(answer.variables);
    } catch (error) {
      this.#tell(answer, 'failed');
      this.#onHandlerFailure(error);
      return;
    }
    this.#phase = 'confirming';
    this.#answer = answer;
    this.#socket.write(command, 'latin1');
  }

  #onHandlerFailure(error: unknown): void {
    if (this.#phase !== 'deciding') {
      // A handler that stops because its signal was aborted has done as asked.
      if (!this.#hungUp) this.#context.onHandlerFault(error, this.request.path);
      return;
    }
    this.#end('handlerFailed', this.request.path, error);
    this.#socket.destroy();
  }

  #onReply(chunk: Buffer): void {
    this.#replyBytes += chunk.length;
    if (this.#replyBytes > MAX_REPLY_BYTES) {
      this.#end('malformed', 'more than a reply after the environment');
      this.#socket.destroy();
      return;
    }
    let text = this.#replyText + chunk.toString('latin1');
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n')) {
      this.#onLine(text.slice(0, end));
      if (this.#phase === 'ended') return;
      text = text.slice(end + 1);
    }
    this.#replyText = text;
  }

  #onLine(text: string): void {
    const line = parseAgiLine(text);
    if (line.kind === 'hangup') {
      this.#endHungUp('HANGUP');
      this.#socket.end();
      return;
    }
    if (this.#phase !== 'confirming') return;
    switch (line.kind) {
      case 'result':
        // -1: the channel was hung up while the command ran; -2: no such application.
        if (line.result === '-1') this.#endHungUp('result=-1');
        else if (line.result.startsWith('-')) this.#end('refusedByAsterisk', text);
        else this.#end('served', '');
        this.#socket.end();
        return;
      case 'failure':
        // 511: the channel is dead.
        if (line.code === 511) this.#endHungUp('511');
        else this.#end('refusedByAsterisk', text);
        this.#socket.end();
        return;
      case 'provisional':
      case 'other':
        return;
      default:
        line satisfies never;
    }
  }

  #endHungUp(detail: string): void {
    this.#lateOutcome = 'hung-up';
    this.#end('hungUp', detail);
  }

  #end(end: ConnectionEnd, detail: string, cause?: unknown): void {
    if (this.#phase === 'ended') return;
    const wasDeciding = this.#phase === 'deciding';
    this.#phase = 'ended';
    this.#replyText = '';
    if (wasDeciding && end !== 'handlerFailed') {
      this.#hungUp = true;
      this.#abort?.abort();
    }
    this.#context.onEnd(end, detail, cause);
    const answer = this.#answer;
    if (answer === undefined) return;
    this.#answer = undefined;
    this.#tell(answer, end === 'served' ? 'delivered' : end === 'hungUp' ? 'hung-up' : 'failed');
  }

  #tell(answer: AgiAnswer, outcome: DeliveryOutcome): void {
    try {
      answer.onDelivered?.(outcome);
    } catch (error) {
      this.#context.onHandlerFault(error, this.request.path);
    }
  }
}

function ignore(): void {}
