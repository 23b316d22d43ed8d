/**
 * The sound of a phone: RTP in and out on a UDP port, whose signalling SIPp plays.
 *
 * It says one byte of u-law over and over, so that whoever hears it knows who speaks, and presses keys as telephone-event
 * packets (RFC 4733). It sends where packets come from, so nothing before the other side has spoken.
 */
import { createSocket, type RemoteInfo } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';

export interface MediaPort {
  readonly port: number;
  /** Packets of sound that came since the last call of it, and those of them that held nothing but this byte. */
  readonly heard: (byte: number) => { readonly packets: number; readonly ofByte: number };
  /** Says this byte from now on; undefined: is silent. */
  readonly say: (byte: number | undefined) => void;
  /** Presses a key for 100 ms. */
  readonly press: (key: string) => Promise<void>;
  readonly close: () => void;
}

const PCMU = 0;
const TELEPHONE_EVENT = 101;
const PACKET_MS = 20;
const SAMPLES = 160;
const KEYS = '0123456789*#ABCD';

export async function openMediaPort(): Promise<MediaPort> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  let peer: RemoteInfo | undefined;
  let saying: number | undefined;
  let sequence = 0;
  let timestamp = 0;
  let packets = 0;
  let counts = new Map<number, number>();

  socket.on('message', (packet, from) => {
    peer = from;
    const payload = packet.subarray(12);
    const [first] = payload;
    if (((packet[1] ?? 0) & 0x7f) !== PCMU || first === undefined) return;
    packets += 1;
    if (payload.every((byte) => byte === first)) counts.set(first, (counts.get(first) ?? 0) + 1);
  });
  const send = (type: number, isMarked: boolean, at: number, payload: Buffer): void => {
    if (peer === undefined) return;
    const header = Buffer.alloc(12);
    header.writeUInt8(0x80, 0);
    header.writeUInt8(type | (isMarked ? 0x80 : 0), 1);
    header.writeUInt16BE(sequence++ & 0xffff, 2);
    header.writeUInt32BE(at >>> 0, 4);
    header.writeUInt32BE(0x746f6c6c, 8);
    socket.send(Buffer.concat([header, payload]), peer.port, peer.address);
  };
  const talking = setInterval(() => {
    timestamp += SAMPLES;
    if (saying !== undefined) send(PCMU, false, timestamp, Buffer.alloc(SAMPLES, saying));
  }, PACKET_MS);

  return {
    port: socket.address().port,
    heard: (byte) => {
      const result = { packets, ofByte: counts.get(byte) ?? 0 };
      packets = 0;
      counts = new Map();
      return result;
    },
    say: (byte) => {
      saying = byte;
    },
    press: async (key) => {
      const code = KEYS.indexOf(key);
      if (code < 0 || key.length !== 1) throw new Error(`there is no key ${key}`);
      const at = timestamp;
      // The last packet is sent three times (RFC 4733, 2.5.1.4).
      for (const step of [1, 2, 3, 4, 5, 5, 5]) {
        const event = Buffer.from([code, step === 5 ? 0x8a : 0x0a, 0, 0]);
        event.writeUInt16BE(step * SAMPLES, 2);
        send(TELEPHONE_EVENT, step === 1, at, event);
        await sleep(PACKET_MS);
      }
    },
    close: () => {
      clearInterval(talking);
      socket.close();
    },
  };
}
