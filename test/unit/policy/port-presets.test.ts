import { describe, expect, test } from 'vitest';
import {
  mergedPorts,
  PORT_PRESET_NAMES,
  PORT_PRESETS,
  portsText,
  presetPorts,
  readPorts,
} from '../../../src/policy/port-presets.ts';

describe('ports', () => {
  test.each([
    ['tcp/443', 'tcp/443'],
    [' UDP/10000-20000 ', 'udp/10000-20000'],
    ['tcp/5060-5060', 'tcp/5060'],
  ])('"%s" is read as %s', (text, meant) => {
    const ports = readPorts(text);
    expect(ports === undefined ? '' : portsText(ports)).toBe(meant);
  });

  test.each(['443', 'tcp/0', 'tcp/65536', 'tcp/20-10', 'sctp/5060', 'tcp/', 'tcp/1-2-3', 'tcp/443; drop'])(
    '"%s" is no port',
    (text) => {
      expect(readPorts(text)).toBeUndefined();
    },
  );

  test('ports that touch or overlap become one range, of each protocol for itself', () => {
    const all = ['tcp/5061', 'udp/5060', 'tcp/5060', 'udp/5000-6000', 'tcp/22'].flatMap(
      (text) => readPorts(text) ?? [],
    );
    expect(mergedPorts(all).map(portsText)).toEqual(['tcp/22', 'tcp/5060-5061', 'udp/5000-6000']);
  });

  test('every port of every preset can be read', () => {
    for (const name of PORT_PRESET_NAMES) expect(presetPorts(name).map(portsText)).toEqual(PORT_PRESETS[name]);
    expect(PORT_PRESET_NAMES).toEqual(expect.arrayContaining(['sip', 'web', 'rtp', 'ssh', 'database']));
  });
});
