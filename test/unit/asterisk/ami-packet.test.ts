import { describe, expect, it } from 'vitest';
import {
  type AmiPacket,
  type AmiPacketLimits,
  createAmiReader,
  DEFAULT_AMI_PACKET_LIMITS,
  encodeAction,
} from '../../../src/asterisk/ami-packet.ts';

const GREETING = 'Asterisk Call Manager/11.0.0\r\n';

/** The packets in `data`, given whole or in chunks of `size` bytes behind a greeting. */
function read(data: string | Buffer, limits?: AmiPacketLimits, size?: number): readonly AmiPacket[] {
  const packets: AmiPacket[] = [];
  const reader = createAmiReader({ onGreeting: () => undefined, onPacket: (packet) => packets.push(packet) }, limits);
  const bytes = Buffer.concat([Buffer.from(GREETING), Buffer.from(data)]);
  const step = size ?? bytes.length;
  for (let at = 0; at < bytes.length; at += step) reader.push(bytes.subarray(at, at + step));
  return packets;
}

const fieldsOf = (packet: AmiPacket | undefined) => Object.fromEntries(packet?.message.fields ?? []);
const linesOf = (text: string) => `${text.trim().split('\n').join('\r\n')}\r\n\r\n`;

/** As Asterisk 22.10 sends it for a wrong password at a SIP log-in. */
const FAILED = linesOf(`
Event: ChallengeResponseFailed
Privilege: security,all
EventTV: 2026-11-20T09:20:48.319+0000
Severity: Error
Service: PJSIP
EventVersion: 1
AccountID: 1001
SessionID: 1-9749@127.0.0.1
LocalAddress: IPV4/UDP/127.0.0.1/15060
RemoteAddress: IPV4/UDP/127.0.0.1/15081
Challenge: 1795166448/69d408833226eee7d24ab72b34c94ae4
Response: 71874b2958923a40f8639b1b1d6c6538
ExpectedResponse: 
`).replace('ExpectedResponse:\r', 'ExpectedResponse: \r');

describe('reading', () => {
  it('takes an event of Asterisk apart the same way however it is split', () => {
    for (let size = 1; size < FAILED.length; size += 1) {
      const packets = read(FAILED + FAILED, undefined, size);
      expect(packets.map(({ kind }) => kind)).toEqual(['event', 'event']);
      expect(packets[1]?.message.name).toBe('ChallengeResponseFailed');
      expect(packets[1]?.message.get('remoteaddress')).toBe('IPV4/UDP/127.0.0.1/15081');
      expect(packets[1]?.message.get('ExpectedResponse')).toBe('');
    }
  });

  it('gives the greeting once, whole, and never as part of a packet', () => {
    const greetings: string[] = [];
    const packets: AmiPacket[] = [];
    const reader = createAmiReader({
      onGreeting: (line) => greetings.push(line),
      onPacket: (packet) => packets.push(packet),
    });
    for (const byte of Buffer.from(`${GREETING}Event: X\r\n\r\n${GREETING}\r\nEvent: Y\r\n\r\n`)) {
      reader.push(Buffer.of(byte));
    }
    expect(greetings).toEqual(['Asterisk Call Manager/11.0.0']);
    expect(packets.map(({ message }) => message.name)).toEqual(['X', 'Y']);
  });

  it('keeps every value of a repeated key in order, those of Variable and ChanVariable too', () => {
    const [packet] = read(
      'Event: X\r\nVariable: A=1\r\nVariable: A=2\r\nChanVariable: B=x=y\r\nVariable: plain\r\n\r\n',
    );
    expect(packet?.message.all('Variable')).toEqual(['A=1', 'A=2', 'plain']);
    expect(packet?.message.all('chanvariable')).toEqual(['B=x=y']);
    expect(packet?.message.get('VARIABLE')).toBe('A=1');
    expect(packet?.message.all('absent')).toEqual([]);
    expect(packet?.message.get('absent')).toBe('');
  });

  it('ends a key at its first colon, blank or not, and leaves the value as it is', () => {
    const [packet] = read('Event:X\r\nFoo:BarBaz\r\nURI:sip:a@b: C\r\nOutput:   indented  \r\nEmpty:\r\n\r\n');
    expect(fieldsOf(packet)).toEqual({
      event: ['X'],
      foo: ['BarBaz'],
      uri: ['sip:a@b: C'],
      output: ['  indented  '],
      empty: [''],
    });
  });

  it('has no key that was not sent, and harms no object by one that was', () => {
    const [packet] = read('Event: __proto__\r\n__proto__: x\r\nconstructor: y\r\nhasOwnProperty: z\r\n\r\n');
    expect(packet?.message.name).toBe('__proto__');
    expect(packet?.message.all('__proto__')).toEqual(['x']);
    expect(packet?.message.all('Constructor')).toEqual(['y']);
    expect(packet?.message.all('toString')).toEqual([]);
    expect(Object.hasOwn(Object.prototype, 'x')).toBe(false);
  });

  it('goes by the first key: an event with a Response is an event, and what begins otherwise is dropped', () => {
    const packets = read(
      [
        'Event: OriginateResponse\r\nResponse: Success\r\n',
        'Response: Error\r\nEvent: X\r\n',
        'ActionID: 1\r\nResponse: Success\r\n',
        'no colon\r\nEvent: Y\r\n',
        ': no key\r\n',
      ].join('\r\n'),
    );
    expect(packets.map(({ kind, message }) => [kind, message.name])).toEqual([
      ['event', 'OriginateResponse'],
      ['answer', ''],
      ['event', 'Y'],
    ]);
  });

  it('reads UTF-8, and as Latin-1 what is not', () => {
    const data = Buffer.concat([
      Buffer.from('Event: X\r\nA: Zoë 電話\r\nB: '),
      Buffer.from([0x5a, 0x6f, 0xeb]),
      Buffer.from('\r\n\r\n'),
    ]);
    for (const size of [1, 7, data.length + GREETING.length]) {
      expect(fieldsOf(read(data, undefined, size)[0])).toEqual({ event: ['X'], a: ['Zoë 電話'], b: ['Zoë'] });
    }
  });

  it('cuts a line that is too long and keeps the packet, so that a long name hides no address', () => {
    const limits = { ...DEFAULT_AMI_PACKET_LIMITS, maxLineBytes: 20 };
    const data = 'Event: X\r\nAccountID: 123456789\r\nAccountID: 1234567890\r\nLast: 1\r\n\r\nEvent: Y\r\n\r\n';
    for (const size of [1, 2, 3, 11, 29, 1000]) {
      const [cut, whole] = read(data, limits, size);
      expect(fieldsOf(cut)).toEqual({ event: ['X'], accountid: ['123456789', '123456789'], last: ['1'] });
      expect([cut?.isCut, whole?.isCut, whole?.message.name]).toEqual([true, false, 'Y']);
    }
  });

  it('cuts a packet with too many lines or bytes at its end and understands the next one', () => {
    const many = `Event: X\r\n${'A: b\r\n'.repeat(50)}\r\nEvent: Y\r\n\r\n`;
    for (const limits of [
      { maxLineBytes: 100, maxLines: 11, maxPacketBytes: 1000 },
      { maxLineBytes: 100, maxLines: 100, maxPacketBytes: 'Event: X'.length + 10 * 'A: b'.length },
    ]) {
      const [cut, whole] = read(many, limits, 7);
      expect([cut?.message.all('A').length, cut?.isCut]).toEqual([10, true]);
      expect([whole?.message.name, whole?.isCut]).toEqual(['Y', false]);
    }
  });
});

describe('writing', () => {
  it('puts an action down line by line, the ends of its lines being the only ones', () => {
    expect(encodeAction('Originate', 'id-1', { Channel: 'Local/1@x', Variable: 'a=1,b=Zoë', Empty: '' })).toBe(
      'Action: Originate\r\nActionID: id-1\r\nChannel: Local/1@x\r\nVariable: a=1,b=Zoë\r\nEmpty: \r\n\r\n',
    );
    expect(encodeAction('Ping', 'id-2')).toBe('Action: Ping\r\nActionID: id-2\r\n\r\n');
    // As UTF-8 this is no line end; as Latin-1 it would be.
    const text = Buffer.from(encodeAction('A', '1', { B: '\u010a\u010d\u2028' }), 'utf8').toString('latin1');
    expect(text.match(/[\r\n]/g)).toHaveLength(8);
  });

  it.each<[string, string, Readonly<Record<string, string>>]>([
    ['a line end in a value', 'Setvar', { Value: 'a\r\nb' }],
    ['a line feed', 'Setvar', { Value: 'a\n' }],
    ['a carriage return', 'Setvar', { Value: '\r' }],
    ['a NUL', 'Setvar', { Value: 'a\0b' }],
    ['a line end in a key', 'Setvar', { 'Value\r\nX': 'a' }],
    ['a colon in a key', 'Setvar', { 'Value: x': 'a' }],
    ['an empty key', 'Setvar', { '': 'a' }],
    ['a line end in the name', 'Setvar\r\nX: y', {}],
    ['an empty name', '', {}],
    ['an id of the caller', 'Setvar', { actionid: 'mine' }],
    ['a second action', 'Setvar', { ACTION: 'Originate' }],
    ['a line longer than Asterisk reads', 'Setvar', { Value: 'x'.repeat(994) }],
    ['a line longer than that in bytes', 'Setvar', { Value: 'ë'.repeat(500) }],
    ['more headers than it reads', 'Setvar', Object.fromEntries(Array.from({ length: 121 }, (_, n) => [`K${n}`, '']))],
  ])('refuses %s and repeats no value', (_, name, fields) => {
    let message = '';
    try {
      encodeAction(name, 'id', fields);
    } catch (error) {
      expect(error).toMatchObject({ code: 'INVALID_REQUEST' });
      message = String(error);
    }
    expect(message).toContain('not an action for Asterisk');
    expect(message).not.toMatch(/[\r\n\0]/);
    expect(message.length).toBeLessThan(200);
  });

  it('takes the longest line that Asterisk reads', () => {
    expect(encodeAction('Setvar', 'id', { Value: 'x'.repeat(993) })).toContain('x'.repeat(993));
  });
});
