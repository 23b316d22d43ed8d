/**
 * A SIP phone at an address of its own: registers and calls over a real UDP socket.
 *
 * SIPp plays the phones of other tests, all at one address. This one chooses its address, and what it claims in Contact.
 * Loopback loses nothing, so nothing is sent twice.
 */
import { createHash, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';

export interface SipPhone {
  readonly address: string;
  readonly port: number;
  /** The Contact it registers. */
  readonly contact: string;
  /** Resolves with the final status. */
  readonly register: (expiresSeconds?: number) => Promise<number>;
  /** Resolves with the final status; an answered call is hung up at once. */
  readonly call: (destination: string) => Promise<number>;
  readonly close: () => void;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

const ANSWER_WITHIN_MS = 10_000;

export async function createSipPhone(options: {
  readonly user: string;
  readonly password: string;
  /** Where it is: any address of this host, such as 127.0.0.2. */
  readonly address: string;
  readonly sipPort: number;
  /** Where Asterisk is. Default: 127.0.0.1. */
  readonly server?: string;
  /** Host and port that it claims in Contact. Default: where it is. */
  readonly claims?: string;
}): Promise<SipPhone> {
  const { user, password, address, sipPort, server = '127.0.0.1' } = options;
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, address, resolve));
  const { port } = socket.address();
  const at = options.claims ?? `${address}:${port}`;
  const contact = `sip:${user}@${at}`;
  const waiting = new Map<string, (answer: Answer) => void>();
  const send = (text: string): void => socket.send(text, sipPort, server);

  socket.on('message', (data) => {
    const text = data.toString('utf8');
    const status = Number(/^SIP\/2\.0 (\d{3})/.exec(text)?.[1] ?? 0);
    if (status === 0) {
      if (!text.startsWith('ACK ')) send(answerTo(text));
    } else if (status >= 200) {
      const key = `${header(text, 'Call-ID')} ${header(text, 'CSeq')}`;
      waiting.get(key)?.({ status, text });
      waiting.delete(key);
    }
  });

  const newCallId = (): string => randomBytes(8).toString('hex');
  /** RFC 3261, section 10.2: one for all registrations, with a rising number. */
  const registration = { callId: newCallId(), sequence: 0 };

  const dialogue = (method: string, uri: string, to: string, callId = newCallId(), before = 0) => {
    const tag = randomBytes(4).toString('hex');
    const lines = (
      verb: string,
      sequence: number,
      branch: string,
      toLine: string,
      rest: readonly string[],
      body = '',
    ) =>
      [
        `${verb} ${uri} SIP/2.0`,
        `Via: SIP/2.0/UDP ${address}:${port};branch=z9hG4bK${callId}${sequence}${branch};rport`,
        `From: <sip:${user}@${server}>;tag=${tag}`,
        `To: ${toLine}`,
        `Call-ID: ${callId}`,
        `CSeq: ${sequence} ${verb}`,
        'Max-Forwards: 70',
        `Contact: <${contact}>`,
        ...rest,
        `Content-Length: ${body.length}`,
        '',
        body,
      ].join('\r\n');
    const ask = (sequence: number, branch: string, rest: readonly string[], body: string): Promise<Answer> =>
      new Promise((resolve, reject) => {
        const key = `${callId} ${sequence} ${method}`;
        const timer = setTimeout(() => {
          waiting.delete(key);
          reject(new Error(`${method} from ${address} was not answered`));
        }, ANSWER_WITHIN_MS);
        waiting.set(key, (answer) => {
          clearTimeout(timer);
          resolve(answer);
        });
        send(lines(method, sequence, branch, to, rest, body));
      });
    const acknowledge = (sequence: number, branch: string, answer: Answer): void => {
      if (method === 'INVITE') send(lines('ACK', sequence, branch, header(answer.text, 'To'), []));
    };
    return {
      /** Asks, and once more with the password if that is wanted. */
      ask: async (rest: readonly string[], body = ''): Promise<Answer> => {
        const first = await ask(before + 1, '1', rest, body);
        if (first.status !== 401) return first;
        acknowledge(before + 1, '1', first);
        const challenge = header(first.text, 'WWW-Authenticate');
        const proof = `Authorization: ${digest(challenge, { user, password, method, uri })}`;
        const second = await ask(before + 2, '2', [...rest, proof], body);
        acknowledge(before + 2, '2', second);
        return second;
      },
      hangUp: (answer: Answer): void => send(lines('BYE', 3, '3', header(answer.text, 'To'), [])),
    };
  };

  return {
    address,
    port,
    contact,
    register: async (expiresSeconds = 300) => {
      const { callId, sequence } = registration;
      registration.sequence += 2;
      const to = `<sip:${user}@${server}>`;
      const { ask } = dialogue('REGISTER', `sip:${server}:${sipPort}`, to, callId, sequence);
      return (await ask([`Expires: ${expiresSeconds}`])).status;
    },
    call: async (destination) => {
      const uri = `sip:${destination}@${server}:${sipPort}`;
      const { ask, hangUp } = dialogue('INVITE', uri, `<${uri}>`);
      const media = `v=0\r\no=- 1 1 IN IP4 ${address}\r\ns=-\r\nc=IN IP4 ${address}\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n`;
      const answer = await ask(['Content-Type: application/sdp'], media);
      if (answer.status === 200) hangUp(answer);
      return answer.status;
    },
    close: () => void socket.close(),
  };
}

const header = (text: string, name: string): string =>
  new RegExp(`^${name}: *(.*?)\\r?$`, 'im').exec(text)?.[1]?.trim() ?? '';

/** 200 for whatever Asterisk asks: OPTIONS, NOTIFY, BYE. */
const answerTo = (request: string): string =>
  [
    'SIP/2.0 200 OK',
    ...['Via', 'From', 'To', 'Call-ID', 'CSeq'].map((name) => `${name}: ${header(request, name)}`),
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

/** RFC 2617, section 3.2.2: with `qop=auth` as res_pjsip wants it, or without as chan_sip does. */
function digest(
  challenge: string,
  as: { readonly user: string; readonly password: string; readonly method: string; readonly uri: string },
): string {
  const part = (name: string): string => new RegExp(`\\b${name}="?([^",]*)`).exec(challenge)?.[1] ?? '';
  const [realm, nonce, opaque, qop] = [part('realm'), part('nonce'), part('opaque'), part('qop')];
  const cnonce = randomBytes(4).toString('hex');
  const secret = md5(`${as.user}:${realm}:${as.password}`);
  const asked = md5(`${as.method}:${as.uri}`);
  const count = '00000001';
  const response = md5([secret, nonce, ...(qop === '' ? [] : [count, cnonce, qop]), asked].join(':'));
  const fields = { username: as.user, realm, nonce, uri: as.uri, response, ...(opaque === '' ? {} : { opaque }) };
  const quoted = Object.entries(fields).map(([name, value]) => `${name}="${value}"`);
  const counted = qop === '' ? '' : `, cnonce="${cnonce}", qop=${qop}, nc=${count}`;
  return `Digest ${quoted.join(', ')}, algorithm=MD5${counted}`;
}
