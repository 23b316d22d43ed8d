import { describe, expect, it } from 'vitest';
import { ariChannelOf, parseAriEvent } from '../../../src/asterisk/ari-event.ts';

/** As Asterisk 22 sends it. */
const channel = {
  id: '1795239658.33',
  name: 'PJSIP/1001-00000021',
  state: 'Ring',
  protocol_id: '1-3@127.0.0.1',
  caller: { name: 'Phone 1001', number: '1001' },
  connected: { name: '', number: '' },
  accountcode: '',
  dialplan: { context: 'from-phones', exten: '100', priority: 2, app_name: 'Stasis', app_data: 'tollgate,100' },
  creationtime: '2026-11-21T05:40:58.338+0000',
  language: 'en',
  channelvars: { TOLLGATE_CALL: 'a1' },
};
const read = {
  ...{
    id: '1795239658.33',
    name: 'PJSIP/1001-00000021',
    state: 'Ring',
    callerNumber: '1001',
    callerName: 'Phone 1001',
  },
  ...{ language: 'en', context: 'from-phones', extension: '100', priority: 2, variables: { TOLLGATE_CALL: 'a1' } },
};
const none = { channel: undefined, args: [], digit: '', cause: undefined, playbackId: '', playbackState: '' };

describe('an event', () => {
  it.each([
    ['StasisStart', { args: ['100', 'b'], channel }, { args: ['100', 'b'], channel: read }],
    ['StasisEnd', { channel }, { channel: read }],
    ['ChannelDtmfReceived', { digit: '#', duration_ms: 90, channel }, { digit: '#', channel: read }],
    ['ChannelHangupRequest', { cause: 32, soft: true, channel }, { cause: 32, channel: read }],
    ['ChannelDestroyed', { cause: 17, cause_txt: 'User busy', channel }, { cause: 17, channel: read }],
    ['PlaybackFinished', { playback: { id: 'p1', state: 'done' } }, { playbackId: 'p1', playbackState: 'done' }],
    ['NeverHeardOf', { thing: 1 }, {}],
  ])('%s is read with what belongs to it, and kept as it came', (type, sent, expected) => {
    const raw = { type, application: 'tollgate', ...sent };
    expect(parseAriEvent(JSON.stringify(raw))).toEqual({ type, ...none, ...expected, raw });
  });

  it('with fields of a wrong kind is read as if they were absent', () => {
    const raw = { type: 'StasisStart', args: 'a', channel: [], digit: 7, cause: '16', playback: 'p' };
    expect(parseAriEvent(JSON.stringify(raw))).toEqual({ type: 'StasisStart', ...none, raw });
  });

  it.each(['', '{', 'null', '7', '"StasisStart"', '[{"type":"A"}]', '{}', '{"type":""}', '{"type":7}'])(
    'is not what %j is',
    (frame) => {
      expect(parseAriEvent(frame)).toBeUndefined();
    },
  );
});

it('a channel of which little is known has empty fields, and one without an id is none', () => {
  expect(ariChannelOf({ id: 'c', dialplan: { priority: 'one' }, channelvars: { A: 1 } })).toEqual({
    ...{ id: 'c', name: '', state: '', callerNumber: '', callerName: '', language: '' },
    ...{ context: '', extension: '', priority: 0, variables: { A: '' } },
  });
  for (const value of [undefined, null, 7, 'c', [], {}, { id: '' }]) expect(ariChannelOf(value)).toBeUndefined();
});
