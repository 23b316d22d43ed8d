import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DETECTORS } from '../../../../src/bans/detectors/registry.ts';
import { DEFAULT_SETTINGS } from '../../../../src/policy/settings.ts';

const FOLDER = join(import.meta.dirname, '../../../../src/bans/detectors');
const fileOf = (name: string): string => `${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}.ts`;

describe('the registry of detectors', () => {
  it('has every detector of its folder, under its own name', () => {
    const files = readdirSync(FOLDER).filter((file) => !['detector.ts', 'registry.ts'].includes(file));
    expect(Object.keys(DETECTORS).map(fileOf).sort()).toEqual(files.sort());
  });

  it('has a detector for every switch of the settings but that of call patterns, which looks at calls', () => {
    const switches = Object.values(DETECTORS).flatMap(({ setting }) => setting ?? []);
    expect([...switches, 'callPatterns'].sort()).toEqual(Object.keys(DEFAULT_SETTINGS.autoBan.detect).sort());
  });
});
