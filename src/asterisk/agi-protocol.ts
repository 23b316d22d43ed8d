/**
 * The AGI protocol as FastAGI speaks it, seen from the server: what Asterisk sends, and the one command sent back.
 *
 * Pure: bytes in, values out; no socket, no clock, no logging. Guarantees:
 * - the same bytes give the same result however they are split into chunks, limits included;
 * - nothing that Asterisk (or whoever poses as it) sends makes a function here throw;
 * - no value put into a command can start a second command, set a second variable, or become a dialplan expression.
 * Refuses to know: what the arguments mean and what a verdict is.
 *
 * Source: the AGI environment and replies as recorded from Asterisk 16.28 and 22.10; the dialplan's `MSet` for the
 * command.
 */
import { isUtf8 } from 'node:buffer';

const NUL = 0;
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

/** Bounds on one AGI environment. */
export interface EnvironmentLimits {
  /** Longest line in bytes, its line end not counted. */
  readonly maxLineBytes: number;
  /** Most lines before the empty one. Asterisk 22 sends 22, and one more for each argument. */
  readonly maxLines: number;
  /** Most bytes in all, line ends and the empty line included. */
  readonly maxTotalBytes: number;
}

export const DEFAULT_ENVIRONMENT_LIMITS: EnvironmentLimits = {
  maxLineBytes: 4096,
  maxLines: 100,
  maxTotalBytes: 65_536,
};

/** What is known after a chunk. `rest` is what followed the empty line in the same chunk. */
export type EnvironmentProgress =
  | { readonly kind: 'more' }
  | { readonly kind: 'complete'; readonly environment: ReadonlyMap<string, string>; readonly rest: Buffer }
  | { readonly kind: 'malformed'; readonly reason: EnvironmentFault };

export type EnvironmentFault =
  | 'line-too-long'
  | 'too-many-lines'
  | 'too-many-bytes'
  | 'nul-byte'
  | 'not-an-agi-line'
  | 'repeated-name'
  | 'no-request';

/** Takes chunks until it answers other than `more`; after that it repeats its last answer. */
export interface EnvironmentReader {
  readonly push: (chunk: Buffer) => EnvironmentProgress;
}

const MORE: EnvironmentProgress = { kind: 'more' };

/**
 * A reader for one AGI environment: `agi_name: value` lines up to an empty line, ended by LF or CR LF.
 *
 * A line of another shape, a NUL byte or a name that comes twice makes the whole environment malformed: a caller id
 * that smuggled in a line end must not be able to replace an argument. Values are UTF-8 where they are valid UTF-8,
 * else Latin-1, so that no byte is lost.
 */
export function createEnvironmentReader(limits: EnvironmentLimits = DEFAULT_ENVIRONMENT_LIMITS): EnvironmentReader {
  let text = '';
  let totalBytes = 0;
  let lines = 0;
  let lineBytes = 0;
  let endedInCarriageReturn = false;
  let highBytes = false;
  let last: EnvironmentProgress = MORE;

  /** Returns the index after the empty line, -1 if it has not come yet, or the fault. */
  const scan = (chunk: Buffer): number | EnvironmentFault => {
    for (let index = 0; index < chunk.length; index += 1) {
      const byte = chunk[index] ?? NUL;
      totalBytes += 1;
      if (totalBytes > limits.maxTotalBytes) return 'too-many-bytes';
      if (byte === LINE_FEED) {
        const content = endedInCarriageReturn ? lineBytes - 1 : lineBytes;
        if (content === 0) return index + 1;
        if (content > limits.maxLineBytes) return 'line-too-long';
        lines += 1;
        if (lines > limits.maxLines) return 'too-many-lines';
        lineBytes = 0;
        endedInCarriageReturn = false;
        continue;
      }
      if (byte === NUL) return 'nul-byte';
      lineBytes += 1;
      endedInCarriageReturn = byte === CARRIAGE_RETURN;
      if (byte > 127) highBytes = true;
      // One byte of grace: it may be the CR of a line end.
      if (lineBytes > limits.maxLineBytes + 1) return 'line-too-long';
    }
    return -1;
  };

  const push = (chunk: Buffer): EnvironmentProgress => {
    if (last.kind !== 'more') return last;
    const end = scan(chunk);
    if (typeof end === 'string') {
      last = { kind: 'malformed', reason: end };
      return last;
    }
    // Asterisk writes line by line, so an environment comes in 1 to 25 pieces. A Latin-1 rope is as cheap as a Buffer
    // list and needs no copy when there is one piece only.
    text += end === -1 ? chunk.toString('latin1') : chunk.toString('latin1', 0, end);
    if (end === -1) return MORE;
    const environment = parseLines(text, highBytes);
    last =
      typeof environment === 'string'
        ? { kind: 'malformed', reason: environment }
        : { kind: 'complete', environment, rest: chunk.subarray(end) };
    return last;
  };

  return { push };
}

function parseLines(text: string, highBytes: boolean): Map<string, string> | EnvironmentFault {
  const environment = new Map<string, string>();
  let lines = 0;
  let start = 0;
  for (;;) {
    const lineFeed = text.indexOf('\n', start);
    const end = text.charCodeAt(lineFeed - 1) === CARRIAGE_RETURN ? lineFeed - 1 : lineFeed;
    if (end <= start) break;
    const colon = text.indexOf(':', start);
    if (colon === -1 || colon > end || !text.startsWith('agi_', start)) return 'not-an-agi-line';
    // Exactly one blank belongs to the separator; an empty argument is sent as "agi_arg_2: ".
    const valueStart = text.charCodeAt(colon + 1) === 32 ? colon + 2 : colon + 1;
    const value = valueStart < end ? text.slice(valueStart, end) : '';
    environment.set(text.slice(start, colon), highBytes ? decodeBytes(value) : value);
    lines += 1;
    start = lineFeed + 1;
  }
  if (environment.size !== lines) return 'repeated-name';
  if (!environment.has('agi_network_script') && !environment.has('agi_request')) return 'no-request';
  return environment;
}

function decodeBytes(latin1: string): string {
  const bytes = Buffer.from(latin1, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : latin1;
}

/** One FastAGI request. Strings are as Asterisk sent them; its literal `unknown` in an identity field is given as empty. */
export interface AgiRequest {
  /** Always begins with one `/`; percent-decoded; `/` if the URL had no path. */
  readonly path: string;
  /** Percent-decoded. The first of several equal names counts. A `+` stays a `+`: it begins phone numbers. */
  readonly query: ReadonlyMap<string, string>;
  /** `agi_arg_1`, `agi_arg_2`, … up to the first that is missing; empty ones are kept in their place. */
  readonly args: readonly string[];
  readonly channel: string;
  readonly uniqueid: string;
  readonly callerId: string;
  readonly callerIdName: string;
  readonly dialledNumber: string;
  readonly redirectingNumber: string;
  readonly accountCode: string;
  readonly context: string;
  readonly extension: string;
  /** Every line as it came, by its full name (`agi_channel`). */
  readonly environment: ReadonlyMap<string, string>;
}

/** Reads a request out of a complete environment. Whatever is missing is empty. */
export function parseRequest(environment: ReadonlyMap<string, string>): AgiRequest {
  const text = (name: string): string => environment.get(name) ?? '';
  const identity = (name: string): string => {
    const value = text(name);
    return value === 'unknown' ? '' : value;
  };
  const script = environment.get('agi_network_script') ?? scriptOfUrl(text('agi_request'));
  const question = script.indexOf('?');
  return {
    path: pathOf(question === -1 ? script : script.slice(0, question)),
    query: question === -1 ? NO_QUERY : parseQuery(script.slice(question + 1)),
    args: positionalArguments(environment),
    channel: text('agi_channel'),
    uniqueid: text('agi_uniqueid'),
    callerId: identity('agi_callerid'),
    callerIdName: identity('agi_calleridname'),
    dialledNumber: identity('agi_dnid'),
    redirectingNumber: identity('agi_rdnis'),
    accountCode: text('agi_accountcode'),
    context: text('agi_context'),
    extension: text('agi_extension'),
    environment,
  };
}

const NO_QUERY: ReadonlyMap<string, string> = new Map();

function positionalArguments(environment: ReadonlyMap<string, string>): readonly string[] {
  const args: string[] = [];
  for (;;) {
    const value = environment.get(`agi_arg_${args.length + 1}`);
    if (value === undefined) return args;
    args.push(value);
  }
}

/** `agi://HOST:PORT/SCRIPT` → `SCRIPT`. */
function scriptOfUrl(url: string): string {
  const authority = url.indexOf('://');
  const slash = url.indexOf('/', authority === -1 ? 0 : authority + 3);
  return slash === -1 ? '' : url.slice(slash + 1);
}

function pathOf(script: string): string {
  let start = 0;
  while (script.charCodeAt(start) === 47) start += 1;
  return `/${decodePercent(script.slice(start))}`;
}

function parseQuery(query: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const pair of query.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decodePercent(equals === -1 ? pair : pair.slice(0, equals));
    if (!parameters.has(name)) parameters.set(name, equals === -1 ? '' : decodePercent(pair.slice(equals + 1)));
  }
  return parameters;
}

/** Decodes runs of `%XX` that are UTF-8 and leaves everything else, malformed escapes included, as it is. */
function decodePercent(text: string): string {
  if (!text.includes('%')) return text;
  return text.replace(/(?:%[0-9a-fA-F]{2})+/g, (run) => {
    const bytes = Buffer.from(run.replaceAll('%', ''), 'hex');
    return isUtf8(bytes) ? bytes.toString('utf8') : run;
  });
}

/** One line that Asterisk sends after the environment. */
export type AgiLine =
  /** `200 result=RESULT (DATA)`. */
  | { readonly kind: 'result'; readonly result: string; readonly data: string }
  /** 510 invalid command, 511 not permitted (dead channel), 520 wrong usage, or any other three-digit code. */
  | { readonly kind: 'failure'; readonly code: number; readonly text: string }
  /** `100 …`: the answer is still to come. */
  | { readonly kind: 'provisional' }
  /** The caller has hung up, or this side has closed: Asterisk sends the same bare word for both, out of turn. */
  | { readonly kind: 'hangup' }
  | { readonly kind: 'other' };

const RESULT_LINE = /^200 result=(\S*)(?: (.*))?$/;
const STATUS_LINE = /^([0-9]{3})(?:[ -](.*))?$/;

/** Reads one line, given without its line end (a CR left at its end is ignored). */
export function parseAgiLine(line: string): AgiLine {
  const text = line.endsWith('\r') ? line.slice(0, -1) : line;
  if (text === 'HANGUP') return { kind: 'hangup' };
  const result = RESULT_LINE.exec(text);
  if (result) return { kind: 'result', result: result[1] ?? '', data: result[2] ?? '' };
  const status = STATUS_LINE.exec(text);
  if (!status) return { kind: 'other' };
  const code = Number(status[1]);
  return code < 200 ? { kind: 'provisional' } : { kind: 'failure', code, text: status[2] ?? '' };
}
