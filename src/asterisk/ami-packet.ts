/**
 * The manager protocol (AMI) as text: what Asterisk sends taken apart, and the actions sent to it put together.
 *
 * Pure: bytes in, messages out; no socket, no clock, no logging. Guarantees:
 * - the same bytes give the same messages however they are split into chunks, limits included;
 * - nothing that arrives makes a function here throw or keep more than the limits, and a message after a bad one is
 *   understood;
 * - no value put into an action can start a second header or a second action.
 * Refuses to know: which answer belongs to which action, and what any event means.
 *
 * Source: packets as recorded from Asterisk 16.28 and 22.10. Before 14, the output of `Command` came unprefixed behind
 * `Response: Follows`; that form is not read.
 */
import { isUtf8 } from 'node:buffer';
import { TollgateError } from '../errors.ts';

/** One event or answer. Keys are compared without regard to case; one that was sent several times keeps all its values. */
export interface AmiMessage {
  /** The event's name; `''` for an answer. */
  readonly name: string;
  /** The first value of a key, `''` if it is absent. */
  readonly get: (key: string) => string;
  /** All values of a key, in the order in which they came. */
  readonly all: (key: string) => readonly string[];
  /** By lower-cased key. */
  readonly fields: ReadonlyMap<string, readonly string[]>;
}

export interface AmiPacket {
  readonly kind: 'event' | 'answer';
  readonly message: AmiMessage;
  /** Something of it was longer than is read, and is missing at its end or at the end of a line. */
  readonly isCut: boolean;
  /** Size of what was kept. */
  readonly bytes: number;
}

/**
 * Bounds on what is kept of one packet. What is beyond them is cut off instead of the packet being dropped: else whoever
 * is refused could keep his security event from being seen by calling himself by a very long name.
 */
export interface AmiPacketLimits {
  /** Of a line, its line end not counted. */
  readonly maxLineBytes: number;
  readonly maxLines: number;
  readonly maxPacketBytes: number;
}

/** A line of an event is rarely beyond 200 bytes; the answer to `Command` has one line for each line of output. */
export const DEFAULT_AMI_PACKET_LIMITS: AmiPacketLimits = {
  maxLineBytes: 8192,
  maxLines: 20_000,
  maxPacketBytes: 1024 * 1024,
};

/** Where a reader puts what it has read, in the order of arrival. */
export interface AmiReaderSink {
  /** The first line of a connection, such as `Asterisk Call Manager/11.0.0`. */
  readonly onGreeting: (line: string) => void;
  readonly onPacket: (packet: AmiPacket) => void;
}

/** Reads one connection from its first byte on. */
export interface AmiReader {
  readonly push: (chunk: Buffer) => void;
}

const LINE_FEED = 10;
const NOT_ASCII = /[^\0-\x7f]/;

/**
 * A reader for one connection: the greeting, then packets of `Key: value` lines, each ended by an empty line.
 *
 * A packet is an event or an answer by its first key, because events have a key `Response` too (`OriginateResponse`);
 * one that begins otherwise, and lines without a colon, are dropped. Text is UTF-8 where a line is valid UTF-8, else
 * Latin-1.
 */
export function createAmiReader(sink: AmiReaderSink, limits: AmiPacketLimits = DEFAULT_AMI_PACKET_LIMITS): AmiReader {
  let isGreeted = false;
  let partial = '';
  let lines: string[] = [];
  let bytes = 0;
  let isCut = false;

  const endPacket = (): void => {
    const ended = { lines, bytes, isCut };
    lines = [];
    bytes = 0;
    isCut = false;
    const packet = parsePacket(ended);
    if (packet !== undefined) sink.onPacket(packet);
  };

  const onLine = (raw: string): void => {
    const isLong = raw.length > limits.maxLineBytes;
    const line = decoded(isLong ? raw.slice(0, limits.maxLineBytes) : raw);
    if (!isGreeted) {
      isGreeted = true;
      sink.onGreeting(line);
    } else if (line === '') {
      if (lines.length > 0) endPacket();
    } else if (lines.length >= limits.maxLines || bytes + line.length > limits.maxPacketBytes) {
      isCut = true;
    } else {
      lines.push(line);
      bytes += line.length;
      if (isLong) isCut = true;
    }
  };

  return {
    push: (chunk) => {
      let start = 0;
      for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, start)) {
        // Each line is its own string. A slice of the chunk's text would hold the whole chunk for as long as it is kept.
        const rest = chunk.toString('latin1', start, end);
        const line = partial === '' ? rest : `${partial}${rest}`;
        partial = '';
        start = end + 1;
        onLine(line.endsWith('\r') ? line.slice(0, -1) : line);
      }
      // Two bytes beyond the limit are enough to know that a line is too long, be the last a CR or not.
      const room = limits.maxLineBytes + 2 - partial.length;
      partial += chunk.toString('latin1', start, Math.min(chunk.length, start + room));
    },
  };
}

function decoded(line: string): string {
  if (!NOT_ASCII.test(line)) return line;
  const raw = Buffer.from(line, 'latin1');
  return isUtf8(raw) ? raw.toString('utf8') : line;
}

function parsePacket(packet: {
  readonly lines: readonly string[];
  readonly bytes: number;
  readonly isCut: boolean;
}): AmiPacket | undefined {
  const fields = new Map<string, string[]>();
  let kind: AmiPacket['kind'] | undefined;
  for (const line of packet.lines) {
    const colon = line.indexOf(':');
    const key = line.slice(0, Math.max(colon, 0)).trim().toLowerCase();
    if (key === '') continue;
    if (kind === undefined) {
      if (key !== 'event' && key !== 'response') return undefined;
      kind = key === 'event' ? 'event' : 'answer';
    }
    // One blank only: what follows it may be the indentation of a command's output.
    const value = line.slice(line.charCodeAt(colon + 1) === 32 ? colon + 2 : colon + 1);
    const values = fields.get(key);
    if (values === undefined) fields.set(key, [value]);
    else values.push(value);
  }
  if (kind === undefined) return undefined;
  const get = (key: string): string => fields.get(key.toLowerCase())?.[0] ?? '';
  return {
    kind,
    message: {
      name: kind === 'event' ? get('event') : '',
      get,
      all: (key) => fields.get(key.toLowerCase()) ?? [],
      fields,
    },
    isCut: packet.isCut,
    bytes: packet.bytes,
  };
}

/** Asterisk reads a line into 1024 bytes and throws a longer one away (`get_input` in its `manager.c`). */
const MAX_HEADER_BYTES = 1000;
/** It takes 128 headers of an action, and drops the rest without a word. */
const MAX_HEADERS = 120;
const HEADER_KEY = /^[A-Za-z][A-Za-z0-9_-]*$/;
const OURS = new Set(['action', 'actionid']);

/**
 * The bytes of one action, to be written as UTF-8.
 *
 * @throws TollgateError INVALID_REQUEST if a key or value cannot stand in an action: for a line end or NUL, a key that is
 * not a word, a line or a number of headers that Asterisk would not take, or a key that is not the caller's to set.
 */
export function encodeAction(name: string, id: string, fields: Readonly<Record<string, string>> = {}): string {
  const refuse = (why: string): never => {
    throw new TollgateError('INVALID_REQUEST', `not an action for Asterisk: ${why}`);
  };
  if (!HEADER_KEY.test(name)) refuse(`the name ${shown(name)} is not a word`);
  const entries = Object.entries(fields);
  if (entries.length > MAX_HEADERS) refuse(`${name} with more than ${MAX_HEADERS} keys`);
  const headers = [`Action: ${name}`, `ActionID: ${id}`];
  for (const [key, value] of entries) {
    if (!HEADER_KEY.test(key)) refuse(`${name} with the key ${shown(key)}, which is not a word`);
    if (OURS.has(key.toLowerCase())) refuse(`${name} with a key ${key} of its own`);
    if (/[\r\n\0]/.test(value)) refuse(`${name} with a line end or NUL in ${key}`);
    const header = `${key}: ${value}`;
    if (Buffer.byteLength(header) > MAX_HEADER_BYTES) {
      refuse(`${name} with more than ${MAX_HEADER_BYTES} bytes in ${key}`);
    }
    headers.push(header);
  }
  return `${headers.join('\r\n')}\r\n\r\n`;
}

const shown = (text: string): string => JSON.stringify(text.slice(0, 40));
