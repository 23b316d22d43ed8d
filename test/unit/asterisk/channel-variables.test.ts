import { expect, test } from 'vitest';
import { encodeSetVariables } from '../../../src/asterisk/agi-command.ts';
import { createEnvironmentReader, parseRequest } from '../../../src/asterisk/agi-protocol.ts';
import { AGI_ARGUMENTS, agiArgument, CHANNEL_VARIABLES } from '../../../src/asterisk/channel-variables.ts';
import { requestEnvironment } from '../../support/agi-environment.ts';

const read = (bytes: Buffer) => {
  const progress = createEnvironmentReader().push(bytes);
  if (progress.kind !== 'complete') throw new Error(`environment is ${progress.kind}`);
  return parseRequest(progress.environment);
};

test('the arguments of a request stand in the order that the dialplan is told', () => {
  const request = read(
    requestEnvironment('check', [
      ...['5551234', 'carrier-a', '1001', '192.0.2.9', 'spring', 'c1', 'l1', 'America/Chicago', 'a1', 'predictive'],
    ]),
  );
  expect(AGI_ARGUMENTS.map((name) => agiArgument(request, name))).toEqual([
    '5551234',
    'carrier-a',
    '1001',
    '192.0.2.9',
    'spring',
    'c1',
    'l1',
    'America/Chicago',
    'a1',
    'predictive',
  ]);
});

test('the query gives by name what the arguments leave empty, and no more', () => {
  const request = read(requestEnvironment('check?trunk=carrier-b&destination=%2B4420&linkedId=x', ['', 'carrier-a']));
  expect(agiArgument(request, 'destination')).toBe('+4420');
  expect(agiArgument(request, 'trunk')).toBe('carrier-a');
  expect(agiArgument(request, 'linkedId')).toBe('x');
  expect(agiArgument(request, 'campaign')).toBe('');
});

test('every variable of the contract can be set, all in one command', () => {
  const names = Object.values(CHANNEL_VARIABLES);
  expect(new Set(names).size).toBe(names.length);
  const command = encodeSetVariables(names.map((name) => [name, 'x']));
  for (const name of names) expect(command).toContain(`${name}=x`);
});
