import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { VERDICTS } from '../../../../src/policy/actions/action.ts';
import { ACTION_FIELDS, ACTIONS } from '../../../../src/policy/actions/registry.ts';

const FOLDER = join(import.meta.dirname, '../../../../src/policy/actions');
const all = Object.entries(ACTIONS);

describe('the registry of actions', () => {
  it('has every action of its folder, under its own name', () => {
    const files = readdirSync(FOLDER).filter((file) => !['action.ts', 'registry.ts'].includes(file));
    expect(all.map(([name]) => `${name}.ts`).sort()).toEqual(files.sort());
    expect(all.map(([, action]) => action.name)).toEqual(all.map(([name]) => name));
  });

  it('has the fields of every action, and no two actions mean different things by one field', () => {
    const ofActions = all.flatMap(([, action]) => Object.entries(action.fields));
    for (const [field, schema] of ofActions) expect(Object.entries(ACTION_FIELDS)).toContainEqual([field, schema]);
    expect(ofActions.map(([field]) => field).sort()).toEqual(Object.keys(ACTION_FIELDS).sort());
  });

  it('requires tokens for what holds a call back, and only takes them where there are some for what lets it go', () => {
    for (const [, action] of all) {
      expect(VERDICTS).toContain(action.verdict);
      if (action.verdict === 'alert') expect(action.demand).toBe('lenient');
      else expect(['required', 'paced']).toContain(action.demand);
    }
  });

  it.each([
    ['a sound of Asterisk', 'vm-goodbye', true],
    ['a sound in a folder', 'custom/limit_1.de', true],
    ['silence', 'none', true],
    ['two sounds', 'a&b', false],
    ['an absolute path', '/etc/passwd', false],
    ['blanks', 'a b', false],
    ['nothing', '', false],
  ])('takes %s for a prompt: %j %s', (_name, prompt, accepted) => {
    expect(ACTION_FIELDS.prompt.safeParse(prompt).success).toBe(accepted);
  });
});
