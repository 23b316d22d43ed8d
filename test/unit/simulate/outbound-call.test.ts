import { describe, expect, it } from 'vitest';
import type { CdrRow } from '../../../src/simulate/cdr-file.ts';
import { type KnownNames, namesOf, outboundTryOf } from '../../../src/simulate/outbound-call.ts';

const nobody: KnownNames = { isTrunk: () => false, isExtension: () => false, isCampaign: () => false };

const row = (fields: Partial<CdrRow>): CdrRow => ({
  row: 1,
  startMs: 0,
  durationMs: 60_000,
  talkMs: 55_000,
  dst: '13055550100',
  src: '1001',
  clid: '',
  channel: 'PJSIP/1001-0000002a',
  dstchannel: 'PJSIP/carrier-a-0000002b',
  lastapp: 'Dial',
  lastdata: 'PJSIP/13055550100@carrier-a,60',
  disposition: 'ANSWERED',
  accountcode: '',
  uniqueid: '',
  linkedid: '',
  extension: '',
  trunk: '',
  campaign: '',
  channelNumber: undefined,
  tellsTrunk: true,
  ...fields,
});
const of = (fields: Partial<CdrRow>, names: Partial<KnownNames> = {}) => {
  const known = { ...nobody, ...names };
  const found = outboundTryOf(row(fields), known);
  return found === undefined ? undefined : { dialled: found.dialled, trunk: found.trunk, ...namesOf(found, known) };
};

describe('an outbound call', () => {
  it('is of the endpoint of its channel, over the endpoint that was reached', () => {
    expect(of({})).toEqual({ dialled: '13055550100', trunk: 'carrier-a', extension: '1001', campaign: '' });
    expect(of({ src: '3055550199', clid: '"x" <3055550199>' })?.extension).toBe('1001');
  });

  it('names its trunk in many ways', () => {
    const trunkOf = (dstchannel: string, lastdata: string): string | undefined => of({ dstchannel, lastdata })?.trunk;
    expect(trunkOf('SIP/carrier-b-00000001', 'SIP/carrier-b/13055550100,60')).toBe('carrier-b');
    expect(trunkOf('PJSIP/carrier-a-00000001', 'PJSIP/carrier-a/sip:13055550100@192.0.2.1,60')).toBe('carrier-a');
    expect(trunkOf('IAX2/carrier-c-123', 'IAX2/user:secret@carrier-c/13055550100')).toBe('carrier-c');
    expect(trunkOf('DAHDI/i1/13055550100-5', 'DAHDI/g1/13055550100')).toBe('DAHDI/i1');
    expect(trunkOf('SIP/3055550199-00000001', 'SIP/13055550100@3055550199')).toBe('3055550199');
    // It never came to a channel there.
    expect(trunkOf('', 'PJSIP/13055550100@carrier-a,60')).toBe('carrier-a');
  });

  it('whose last application was not Dial is told by the channel that it reached', () => {
    expect(of({ lastapp: 'Hangup', lastdata: '' })?.trunk).toBe('carrier-a');
  });

  it('that a phone dialled and that was refused before Dial is one all the same, over a trunk that nobody knows', () => {
    expect(of({ dstchannel: '', lastapp: 'Hangup', lastdata: '21' })).toMatchObject({ extension: '1001', trunk: '' });
    expect(of({ dstchannel: '', lastapp: 'Hangup', lastdata: '', dst: '1002' })).toBeUndefined();
    expect(
      of({ dstchannel: '', lastapp: 'Hangup', lastdata: '', channel: 'PJSIP/carrier-a-00000001' }),
    ).toBeUndefined();
  });

  it('that left from the middle of the dialplan has the number that was dialled', () => {
    expect(of({ dst: 's' })?.dialled).toBe('13055550100');
    expect(of({ dst: 's', dstchannel: 'PJSIP/carrier-a-00000001', lastdata: '' })).toBeUndefined();
  });
});

describe('no outbound call', () => {
  const inside = { isExtension: (number: string) => /^1\d{3}$/.test(number) };
  it.each<[string, Partial<CdrRow>, Partial<KnownNames>]>([
    ['between two phones', { dst: '1002', dstchannel: 'PJSIP/1002-00000001', lastdata: 'PJSIP/1002,20' }, {}],
    [
      'to the contact of a phone',
      { dst: '600', dstchannel: 'PJSIP/1002-00000001', lastdata: 'PJSIP/1002/sip:kq3v@192.0.2.9:5060,20' },
      {},
    ],
    [
      'that came in',
      {
        dst: '13055550199',
        channel: 'PJSIP/carrier-a-00000001',
        dstchannel: 'PJSIP/alice-00000002',
        lastdata: 'PJSIP/alice',
      },
      {},
    ],
    ['to a phone that the policy knows', { dst: '600', dstchannel: 'SIP/1002-00000001', lastdata: '' }, inside],
    [
      'half of a Local channel',
      { dstchannel: 'Local/13055550100@out-00000001;1', lastdata: 'Local/13055550100@out' },
      {},
    ],
    ['to voicemail', { dst: '*97', dstchannel: '', lastapp: 'VoiceMailMain', lastdata: '' }, {}],
    ['of VICIdial to itself', { dstchannel: 'IAX2/ASTloop-123', lastdata: 'IAX2/ASTloop:x@127.0.0.1:40569/90009' }, {}],
  ])('is one %s', (_what, fields, names) => {
    expect(of(fields, names)).toBeUndefined();
  });
});

describe('whose call it is', () => {
  const local = { channel: 'Local/13055550100@out-00000001;2' };
  it('nobody knows of a Local channel, unless accountcode or a column says it', () => {
    expect(of(local)?.extension).toBe('');
    expect(of({ ...local, accountcode: '1007' })).toMatchObject({ extension: '1007', campaign: '' });
    expect(of({ ...local, extension: 'reception' })?.extension).toBe('reception');
  });

  it('is not the trunk over which it came in', () => {
    const isTrunk = (name: string): boolean => name === 'carrier-a';
    const forwarded = { channel: 'PJSIP/carrier-a-00000001', dstchannel: 'PJSIP/carrier-b-00000002' };
    const fields = { ...forwarded, lastdata: 'PJSIP/13055550100@carrier-b' };
    expect(of(fields, { isTrunk })).toMatchObject({ extension: '', trunk: 'carrier-b' });
    expect(of({ ...fields, accountcode: '1007' }, { isTrunk })).toMatchObject({ extension: '1007' });
  });

  it('tells the campaign by accountcode, where that is no extension', () => {
    expect(of({ accountcode: 'SALES' })).toMatchObject({ extension: '1001', campaign: 'SALES' });
    expect(of({ accountcode: '1001' })).toMatchObject({ extension: '1001', campaign: '' });
    const isCampaign = (name: string): boolean => name === '4000';
    expect(of({ ...local, accountcode: '4000' }, { isCampaign })).toMatchObject({ extension: '', campaign: '4000' });
    expect(of({ accountcode: 'SALES', campaign: 'OTHER' })?.campaign).toBe('OTHER');
  });

  it('is the session of the agent for a manual call of VICIdial, and nobody for a predictive one', () => {
    const clid = (code: string): Partial<CdrRow> => ({ clid: `"${code}" <0000000000>` });
    const session = { channel: 'Local/8600051@default-00000001;1' };
    expect(of({ ...session, ...clid('M1020941070000001234') })?.extension).toBe('8600051');
    expect(of({ ...local, ...clid('V1020941070000001234') })?.extension).toBe('');
  });

  it('is the caller’s number where the file has no channels at all', () => {
    expect(of({ channel: '', dstchannel: '', lastapp: '', lastdata: '', tellsTrunk: false })).toEqual({
      dialled: '13055550100',
      trunk: '',
      extension: '1001',
      campaign: '',
    });
  });
});
