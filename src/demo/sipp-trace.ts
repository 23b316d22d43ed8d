/**
 * What SIPp wrote down of its messages (`-trace_msg`), and what became of the calls in it.
 *
 * Pure. The outcome of a call is read from the messages themselves, so that it does not depend on whether SIPp's scenario
 * expected them; a file that ends in the middle of a message (SIPp still runs, or was killed) is read up to there.
 */

export interface SipMessage {
  /** When SIPp sent or read it, milliseconds since 1970 with microseconds behind the point. */
  readonly atMs: number;
  readonly direction: 'sent' | 'received';
  /** Of a request; empty in a response. */
  readonly method: string;
  /** User part of the request URI, percent-decoded; empty in a response. */
  readonly uriUser: string;
  /** Of a response; 0 in a request. */
  readonly status: number;
  readonly reason: string;
  readonly callId: string;
  readonly sequence: number;
  /** Method in CSeq, which tells what a response answers. */
  readonly sequenceMethod: string;
  /** First value of a header by lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
}

/** One call as its caller saw it. */
export interface PlacedCall {
  readonly from: string;
  readonly destination: string;
  /** Final SIP status of the call: 200 answered, 487 cancelled, else refused; `undefined` if there was none in time. */
  readonly status: number | undefined;
  /** The phrase beside it. */
  readonly reason: string;
  /** When the INVITE with the password went out, epoch milliseconds. */
  readonly startedAtMs: number;
  /** From there to the final status. */
  readonly decidedAfterMs: number | undefined;
  /** Statuses 101 to 199 on the way, each with its time after the start. */
  readonly progress: readonly { readonly status: number; readonly afterMs: number }[];
  /** Milliseconds from the answer to the BYE, and who sent it. */
  readonly talked: { readonly forMs: number; readonly endedBy: 'caller' | 'called' } | undefined;
}

/** One INVITE that reached a carrier. */
export interface CarriedCall {
  /** When it arrived, epoch milliseconds with microseconds behind the point. */
  readonly atMs: number;
  readonly destination: string;
  /** User part of From: the caller id that went out. */
  readonly from: string;
  readonly callId: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The messages in a trace. SIPp must run with `TZ=UTC`, as it writes local time without a zone. */
export function parseTrace(text: string): readonly SipMessage[] {
  // Every message stands below a line of dashes with the time and a line that says which way it went.
  const mark = /^-{20,} (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)\.(\d{6})\r?\n\w+ message (sent|received) .*\n\r?\n/gm;
  const marks = [...text.matchAll(mark)];
  return marks.flatMap((found, index) => {
    const [whole, date, time, micros, direction] = found;
    const body = text.slice(found.index + whole.length, marks[index + 1]?.index ?? text.length);
    const atMs = Date.parse(`${date}T${time}Z`) + Number(micros) / 1000;
    const message = parseMessage(body, atMs, direction === 'sent' ? 'sent' : 'received');
    return message === undefined ? [] : [message];
  });
}

function parseMessage(body: string, atMs: number, direction: SipMessage['direction']): SipMessage | undefined {
  const [start = '', ...lines] = (body.split(/\r?\n\r?\n/, 1)[0] ?? '').split(/\r?\n/);
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon > 0) headers[line.slice(0, colon).trim().toLowerCase()] ??= line.slice(colon + 1).trim();
  }
  const [sequence = '', sequenceMethod = ''] = (headers['cseq'] ?? '').split(/\s+/);
  const common = {
    atMs,
    direction,
    callId: headers['call-id'] ?? '',
    sequence: Number(sequence),
    sequenceMethod,
    headers,
  };
  const response = /^SIP\/2\.0 (\d{3}) ?(.*)$/.exec(start);
  if (response !== null) {
    return { ...common, method: '', uriUser: '', status: Number(response[1]), reason: response[2] ?? '' };
  }
  const request = /^([A-Z]+) (\S+) SIP\/2\.0$/.exec(start);
  if (request === null) return undefined;
  return { ...common, method: request[1] ?? '', uriUser: userOf(request[2] ?? ''), status: 0, reason: '' };
}

/** The calls placed by the phone scenario, in the order of their first INVITE. */
export function placedCalls(messages: readonly SipMessage[]): readonly PlacedCall[] {
  return [...byCall(messages).values()].flatMap((call) => {
    const invites = call.filter((message) => message.direction === 'sent' && message.method === 'INVITE');
    const first = invites[0];
    if (first === undefined) return [];
    const sequence = Math.max(...invites.map((invite) => invite.sequence));
    const start = invites.find((invite) => invite.sequence === sequence) ?? first;
    const answers = call.filter(
      (message) =>
        message.direction === 'received' && message.sequenceMethod === 'INVITE' && message.sequence === sequence,
    );
    const final = answers.find(({ status }) => status >= 200);
    const bye = call.find(({ method }) => method === 'BYE');
    return [
      {
        from: userOf(first.headers['from'] ?? ''),
        destination: first.uriUser,
        status: final?.status,
        reason: final?.reason ?? '',
        startedAtMs: start.atMs,
        decidedAfterMs: final === undefined ? undefined : final.atMs - start.atMs,
        progress: answers
          .filter(({ status }) => status > 100 && status < 200)
          .map(({ status, atMs }) => ({ status, afterMs: atMs - start.atMs })),
        talked:
          final?.status === 200 && bye !== undefined
            ? { forMs: bye.atMs - final.atMs, endedBy: bye.direction === 'sent' ? 'caller' : 'called' }
            : undefined,
      },
    ];
  });
}

/** The INVITEs that arrived, in order, repetitions of the same one left out. */
export function carriedCalls(messages: readonly SipMessage[]): readonly CarriedCall[] {
  return [...byCall(messages).values()].flatMap((call) => {
    const invite = call.find(({ direction, method }) => direction === 'received' && method === 'INVITE');
    if (invite === undefined) return [];
    const { atMs, uriUser, callId, headers } = invite;
    return [{ atMs, destination: uriUser, from: userOf(headers['from'] ?? ''), callId, headers }];
  });
}

function byCall(messages: readonly SipMessage[]): ReadonlyMap<string, readonly SipMessage[]> {
  const calls = new Map<string, SipMessage[]>();
  for (const message of messages) {
    const call = calls.get(message.callId);
    if (call === undefined) calls.set(message.callId, [message]);
    else call.push(message);
  }
  return calls;
}

/** The user part of a SIP address, percent-decoded (RFC 3261, 19.1.1). */
function userOf(address: string): string {
  const user = /sips?:([^@>]*)@/.exec(address)?.[1] ?? '';
  try {
    return decodeURIComponent(user);
  } catch {
    return user;
  }
}
