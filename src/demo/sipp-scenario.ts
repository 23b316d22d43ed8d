/**
 * SIPp scenarios, as text: a phone that places a call with a password, and a carrier that takes or refuses calls.
 *
 * Pure. What happened in a call is not decided here: SIPp writes down each message (see sipp-trace.ts), whether or not
 * the scenario foresaw it.
 */

export interface PhoneScenario {
  /** How long an answered call is held before the phone hangs up; a carrier may end it sooner. */
  readonly holdMs: number;
  /** Gives up (CANCEL) this long after the INVITE if there is no answer by then. Absent: rings for ever. */
  readonly cancelAfterMs?: number;
  /** UDP port for sound and keys (RFC 4733), on which somebody else listens. Absent: one of SIPp's own, always silent. */
  readonly mediaPort?: number;
}

export interface CarrierScenario {
  /** Refuses with this SIP status; absent: answers. */
  readonly refuseWith?: number;
  /** Rings (180) this long before it answers or refuses. */
  readonly ringMs: number;
  /** Hangs up this long after the answer. Absent: waits for the caller to hang up. */
  readonly hangUpAfterMs?: number;
  /** As that of a phone. */
  readonly mediaPort?: number;
}

// RFC 3261, 21: what a server may refuse with, so that each ends the scenario in good order.
const refusals = [
  400, 401, 402, 403, 404, 405, 406, 407, 408, 410, 413, 415, 420, 480, 481, 482, 483, 484, 485, 486, 487, 488, 491,
  500, 501, 502, 503, 504, 600, 603, 604, 606,
];
const callerLines = `
      From: <sip:[field0]@[local_ip]:[local_port]>;tag=[pid]-[call_number]
      Call-ID: [call_id]
      Contact: <sip:[field0]@[local_ip]:[local_port]>
      Max-Forwards: 70`;
const sdp = ({ mediaPort }: { readonly mediaPort?: number }): string => `
      Content-Type: application/sdp
      Content-Length: [len]

      v=0
      o=- 1 1 IN IP[local_ip_type] [local_ip]
      s=-
      c=IN IP[media_ip_type] [media_ip]
      t=0 0
      m=audio ${mediaPort === undefined ? '[media_port] RTP/AVP 0' : `${mediaPort} RTP/AVP 0 101`}
      a=rtpmap:0 PCMU/8000${
        mediaPort === undefined
          ? ''
          : `
      a=rtpmap:101 telephone-event/8000
      a=fmtp:101 0-15`
      }`;

/**
 * Fields of the CSV: user name, the whole `[authentication …]` keyword (SIPp does not expand fields inside it), the
 * destination as it stands in the request URI.
 */
export function phoneScenario(options: PhoneScenario): string {
  // CANCEL and the ACK of a refusal carry the branch of their INVITE (RFC 3261, 9.1 and 17.1.1.3), which SIPp's [branch]
  // does not give: each INVITE gets one of our own.
  const via = (turn: number) =>
    `Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=z9hG4bK-[pid]-[call_number]-${turn}`;
  const request = (method: string, branch: number, sequence: number, to: string, rest: string) => `
  <send${method === 'INVITE' ? ' retrans="500"' : ''}><![CDATA[
      ${method} sip:[field2]@[remote_ip]:[remote_port] SIP/2.0
      ${via(branch)}${callerLines}
      To: <sip:[field2]@[remote_ip]:[remote_port]>${to}
      CSeq: ${sequence} ${method}${rest}
  ]]></send>`;
  const empty = '\n      Content-Length: 0';
  // SIPp looks only at the limit of the message it stands at, which among optional ones is the first not yet passed.
  const cancel = options.cancelAfterMs === undefined ? '' : ` timeout="${options.cancelAfterMs}" ontimeout="cancel"`;
  const progress = [100, 180, 183]
    .map((status) => `  <recv response="${status}" optional="true"${cancel}/>`)
    .join('\n');
  const refused = refusals
    .map((status) => `  <recv response="${status}" optional="true" next="refused"${cancel}/>`)
    .join('\n');
  return scenario(
    'phone',
    `${request('INVITE', 1, 1, '', sdp(options))}
  <recv response="100" optional="true"/>
  <recv response="401" auth="true"/>${request('ACK', 1, 1, '[peer_tag_param]', empty)}
${request('INVITE', 2, 2, '', `\n      [field1]${sdp(options)}`)}
${progress}
${refused}
  <recv response="200"${cancel}/>
${request('ACK', 3, 2, '[peer_tag_param]', empty)}
  <recv request="BYE" timeout="${Math.max(1, options.holdMs)}" ontimeout="hangup"/>
${answer('200 OK')}
  <nop next="end"/>
  <label id="hangup"/>
${request('BYE', 4, 3, '[peer_tag_param]', empty)}
  <recv response="200" next="end"/>
  <label id="cancel"/>
${request('CANCEL', 2, 2, '', empty)}
  <recv response="200"/>
  <recv response="487"/>
  <label id="refused"/>
${request('ACK', 2, 2, '[peer_tag_param]', empty)}
  <label id="end"/>`,
  );
}

/** A carrier's side: takes any call and does as told. */
export function carrierScenario(options: CarrierScenario): string {
  const ring = `${answer('180 Ringing', ';tag=[pid]-[call_number]')}
  <recv request="CANCEL" timeout="${Math.max(1, options.ringMs)}" ontimeout="decide"/>
${answer('200 OK')}
${answer('487 Request Terminated', ';tag=[pid]-[call_number]', 'INVITE')}
  <recv request="ACK" next="end"/>
  <label id="decide"/>`;
  const taken = `${answer('200 OK', ';tag=[pid]-[call_number]', undefined, `\n      Contact: <sip:[local_ip]:[local_port]>${sdp(options)}`)}
  <recv request="ACK"/>
  <recv request="BYE"${options.hangUpAfterMs === undefined ? '' : ` timeout="${options.hangUpAfterMs}" ontimeout="hangup"`}/>
${answer('200 OK')}
  <nop next="end"/>
  <label id="hangup"/>
  <send><![CDATA[
      BYE [$contact] SIP/2.0
      Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
      From:[$to];tag=[pid]-[call_number]
      To:[$from]
      Call-ID: [call_id]
      CSeq: 1 BYE
      Max-Forwards: 70
      Content-Length: 0
  ]]></send>
  <recv response="200"/>`;
  const refused = `${answer(`${options.refuseWith} Refused`, ';tag=[pid]-[call_number]')}
  <recv request="ACK"/>`;
  return scenario(
    'carrier',
    `
  <recv request="INVITE"><action>
    <ereg regexp=".*" search_in="hdr" header="From:" assign_to="from"/>
    <ereg regexp=".*" search_in="hdr" header="To:" assign_to="to"/>
    <ereg regexp=".*" search_in="hdr" header="Via:" assign_to="via"/>
    <ereg regexp="sip:[^>]*" search_in="hdr" header="Contact:" assign_to="contact"/>
    <ereg regexp="[0-9]+ " search_in="hdr" header="CSeq:" assign_to="sequence"/>
  </action></recv>
${options.ringMs > 0 ? ring : ''}
${options.refuseWith === undefined ? taken : refused}
  <label id="end"/>
  <Reference variables="from,to,via,contact,sequence"/>`,
  );
}

/** A response to the last request; or, with `method`, to the INVITE although another request came since. */
function answer(status: string, tag = '', method?: string, rest = '\n      Content-Length: 0'): string {
  const lines =
    method === undefined
      ? `[last_Via:]
      [last_From:]
      [last_To:]${tag}
      [last_Call-ID:]
      [last_CSeq:]`
      : `Via:[$via]
      From:[$from]
      To:[$to]${tag}
      Call-ID: [call_id]
      CSeq:[$sequence]${method}`;
  return `
  <send><![CDATA[
      SIP/2.0 ${status}
      ${lines}${rest}
  ]]></send>`;
}

function scenario(name: string, body: string): string {
  return `<?xml version="1.0" encoding="UTF-8" ?>\n<scenario name="${name}">${body}\n</scenario>\n`;
}
