import { expect, it } from 'vitest';
import { carriedCalls, parseTrace, placedCalls } from '../../../src/demo/sipp-trace.ts';

const line = '-----------------------------------------------';
const message = (time: string, direction: 'sent' | 'received', ...lines: readonly string[]) =>
  `${line} 2026-01-02 ${time}\nUDP message ${direction} ${direction === 'sent' ? '(99 bytes)' : '[99] bytes '}:\n\n${lines.join('\r\n')}\r\n\r\n\n`;
const invite = (time: string, sequence: number, direction: 'sent' | 'received' = 'sent') =>
  message(
    time,
    direction,
    'INVITE sip:555%221@127.0.0.1:5060 SIP/2.0',
    'From: "Phone" <sip:1001@127.0.0.1>;tag=1',
    'Call-ID: 1-9@127.0.0.1',
    `CSeq: ${sequence} INVITE`,
  );
const response = (time: string, status: string, sequence: number, method = 'INVITE') =>
  message(time, 'received', `SIP/2.0 ${status}`, 'Call-ID: 1-9@127.0.0.1', `CSeq: ${sequence} ${method}`);
const bye = (time: string, direction: 'sent' | 'received') =>
  message(time, direction, 'BYE sip:1001@127.0.0.1 SIP/2.0', 'Call-ID: 1-9@127.0.0.1', 'CSeq: 3 BYE');

it('a call counts from its INVITE with the password, and a challenge is not its outcome', () => {
  const text =
    invite('10:00:00.000100', 1) +
    response('10:00:00.000200', '401 Unauthorized', 1) +
    invite('10:00:00.001000', 2) +
    response('10:00:00.002000', '100 Trying', 2) +
    response('10:00:00.003000', '183 Session Progress', 2) +
    response('10:00:00.501000', '486 Busy Here', 2);
  expect(placedCalls(parseTrace(text))).toEqual([
    {
      from: '1001',
      destination: '555"1',
      status: 486,
      reason: 'Busy Here',
      startedAtMs: Date.parse('2026-01-02T10:00:00.001Z'),
      decidedAfterMs: 500,
      progress: [{ status: 183, afterMs: 2 }],
      talked: undefined,
    },
  ]);
});

it('a call without a final status has none, and a cut-off last message does no harm', () => {
  const text = invite('10:00:00.000000', 1) + response('10:00:00.100000', '180 Ringing', 1);
  expect(placedCalls(parseTrace(text.slice(0, -20)))[0]).toMatchObject({
    status: undefined,
    decidedAfterMs: undefined,
  });
  expect(placedCalls(parseTrace(`${text}${line} 2026-01-02 10:00`))).toHaveLength(1);
  expect(parseTrace('')).toEqual([]);
});

it('who ended an answered call, and when, is known from the BYE', () => {
  const answered = invite('10:00:00.000000', 1) + response('10:00:01.000000', '200 OK', 1);
  expect(placedCalls(parseTrace(answered + bye('10:00:03.000000', 'received')))[0]?.talked).toEqual({
    forMs: 2000,
    endedBy: 'called',
  });
  expect(placedCalls(parseTrace(answered + bye('10:00:03.000000', 'sent')))[0]?.talked?.endedBy).toBe('caller');
});

it('a carrier counts a repeated INVITE once and times its first arrival to the microsecond', () => {
  const calls = carriedCalls(
    parseTrace(invite('10:00:00.000250', 1, 'received') + invite('10:00:00.500000', 1, 'received')),
  );
  expect(calls).toHaveLength(1);
  expect(calls[0]).toMatchObject({ destination: '555"1', from: '1001' });
  expect((calls[0]?.atMs ?? 0) - Date.parse('2026-01-02T10:00:00Z')).toBeCloseTo(0.25, 3);
});
