import { describe, expect, it } from 'vitest';
import { describeSubject, showName } from '../../../src/policy/call.ts';

describe('the words for what a rule counts on', () => {
  it('name its kind and its id, and the whole system as itself', () => {
    expect(describeSubject({ kind: 'extension', id: '1001' })).toBe('extension 1001');
    expect(describeSubject({ kind: 'group', id: 'call-centre' })).toBe('group call-centre');
    expect(describeSubject({ kind: 'trunk', id: 'carrier-a' })).toBe('trunk carrier-a');
    expect(describeSubject({ kind: 'system', id: '' })).toBe('the whole system');
  });

  it('stay on one line and within a screen, whatever a phone calls itself', () => {
    expect(showName('10\r\n01\u0000\u001b[31m')).toBe('10??01??[31m');
    expect(showName('\ud800')).toBe('?');
    expect(showName('7'.repeat(81))).toBe(`${'7'.repeat(80)}…`);
    expect(showName('7'.repeat(80))).toBe('7'.repeat(80));
  });
});
