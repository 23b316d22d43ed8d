import { describe, expect, test } from 'vitest';
import {
  type AgiLine,
  createEnvironmentReader,
  type EnvironmentFault,
  type EnvironmentLimits,
  parseAgiLine,
  parseRequest,
} from '../../../src/asterisk/agi-protocol.ts';
import { LOCAL_CHANNEL_WITH_ARGUMENTS, PJSIP_CALL, requestEnvironment } from '../../support/agi-environment.ts';

const readAll = (bytes: Buffer | string, limits?: EnvironmentLimits) =>
  createEnvironmentReader(limits).push(Buffer.from(bytes));

const environmentOf = (bytes: Buffer | string) => {
  const progress = readAll(bytes);
  if (progress.kind !== 'complete') throw new Error(`environment is ${JSON.stringify(progress)}`);
  return progress.environment;
};

const requestOf = (bytes: Buffer | string) => parseRequest(environmentOf(bytes));

describe('environment', () => {
  test('the environment of a PJSIP call gives the call', () => {
    const request = requestOf(PJSIP_CALL);
    expect(request).toMatchObject({
      path: '/gate',
      args: [],
      channel: 'PJSIP/1001-00000000',
      uniqueid: '1795166169.0',
      callerId: '1001',
      callerIdName: 'Agent 1001',
      dialledNumber: '5551234',
      redirectingNumber: '',
      accountCode: '',
      context: 'from-ext',
      extension: '5551234',
    });
    expect(request.query.size).toBe(0);
    expect(request.environment.size).toBe(22);
    expect(request.environment.get('agi_rdnis')).toBe('unknown');
  });

  test('arguments keep their places, and the query comes out of the script name', () => {
    const request = requestOf(LOCAL_CHANNEL_WITH_ARGUMENTS);
    expect(request.path).toBe('/gate');
    expect([...request.query]).toEqual([
      ['x', '1'],
      ['y', '2'],
    ]);
    expect(request.args).toEqual(['first', '', 'camp=7']);
    expect(request.callerId).toBe('');
    expect(request.callerIdName).toBe('');
  });

  test('an environment is the same with LF and with CR LF', () => {
    const crlf = PJSIP_CALL.toString().replaceAll('\n', '\r\n');
    expect(environmentOf(crlf)).toEqual(environmentOf(PJSIP_CALL));
  });

  test('line ends may differ from line to line, and the empty line from both', () => {
    expect(environmentOf('agi_request: x\r\nagi_arg_1: y\n\r\n').size).toBe(2);
    expect(environmentOf('agi_arg_1: y\nagi_request: x\r\n\n').size).toBe(2);
  });

  test('what follows the empty line is handed back untouched', () => {
    const progress = readAll(Buffer.concat([PJSIP_CALL, Buffer.from('HANGUP\n')]));
    expect(progress.kind === 'complete' && progress.rest.toString()).toBe('HANGUP\n');
  });

  test('a value keeps its colons, blanks and empty places', () => {
    const environment = environmentOf(
      'agi_request: x\nagi_arg_1: sip:1@h:5060\nagi_arg_2:  two \nagi_arg_3:tight\nagi_arg_4:\n\n',
    );
    expect(environment.get('agi_arg_1')).toBe('sip:1@h:5060');
    expect(environment.get('agi_arg_2')).toBe(' two ');
    expect(environment.get('agi_arg_3')).toBe('tight');
    expect(environment.get('agi_arg_4')).toBe('');
  });

  test('a value is read as UTF-8 where it is UTF-8 and as Latin-1 where it is not', () => {
    const environment = environmentOf(
      Buffer.concat([
        Buffer.from('agi_request: x\nagi_calleridname: Zürich\nagi_arg_1: Z', 'utf8'),
        Buffer.from('ürich\n\n', 'latin1'),
      ]),
    );
    expect(environment.get('agi_calleridname')).toBe('Zürich');
    expect(environment.get('agi_arg_1')).toBe('Zürich');
  });

  test('names of object properties are names like any other', () => {
    const environment = environmentOf('agi_request: x\nagi___proto__: y\n\n');
    expect(environment.get('agi___proto__')).toBe('y');
  });

  const faults: ReadonlyArray<readonly [string, string, EnvironmentFault]> = [
    ['an empty line alone', '\n', 'no-request'],
    ['an environment that asks for nothing', 'agi_channel: x\n\n', 'no-request'],
    ['an HTTP request', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', 'not-an-agi-line'],
    ['a line without a colon', 'agi_request: x\nagi_channel\nagi_a: b\n\n', 'not-an-agi-line'],
    ['a line of another family', 'agi_request: x\nfoo: bar\n\n', 'not-an-agi-line'],
    ['a CR in place of a line', 'agi_request: x\n\r\r\n\n', 'not-an-agi-line'],
    ['a NUL', 'agi_request: x\0\n\n', 'nul-byte'],
    ['an argument that comes twice', 'agi_request: x\nagi_arg_1: a\nagi_arg_1: b\n\n', 'repeated-name'],
  ];
  test.each(faults)('%s is malformed', (_what, text, reason) => {
    expect(readAll(text)).toEqual({ kind: 'malformed', reason });
  });

  test('a reader that has answered repeats its answer and reads no more', () => {
    const reader = createEnvironmentReader();
    const first = reader.push(Buffer.from('\n'));
    expect(reader.push(PJSIP_CALL)).toBe(first);
  });
});

describe('limits', () => {
  const limits: EnvironmentLimits = { maxLineBytes: 20, maxLines: 3, maxTotalBytes: 60 };
  const line = (bytes: number) => `agi_request: ${'x'.repeat(bytes - 13)}`;

  test.each(['\n', '\r\n'])('a line of exactly the limit is read, one byte more is not (line end %j)', (lineEnd) => {
    expect(readAll(line(20) + lineEnd + lineEnd, limits).kind).toBe('complete');
    expect(readAll(line(21) + lineEnd + lineEnd, limits)).toEqual({ kind: 'malformed', reason: 'line-too-long' });
  });

  test('an endless line is given up at the limit, not kept', () => {
    expect(readAll('x'.repeat(22), limits)).toEqual({ kind: 'malformed', reason: 'line-too-long' });
  });

  test('as many lines as the limit are read, one more is not', () => {
    const lines = (count: number) => Array.from({ length: count }, (_, index) => `agi_arg_${index}: y\n`).join('');
    expect(readAll(`${lines(2)}agi_request: x\n\n`, limits).kind).toBe('complete');
    expect(readAll(`${lines(3)}agi_request: x\n\n`, limits)).toEqual({ kind: 'malformed', reason: 'too-many-lines' });
  });

  test('as many bytes as the limit are read, one more is not', () => {
    const text = `agi_a: aaaaaaaaa\nagi_b: bbbbbbbbb\n${line(60 - 17 - 17 - 2)}\n\n`;
    const wide = { ...limits, maxLineBytes: 100 };
    expect(text).toHaveLength(60);
    expect(readAll(text, wide).kind).toBe('complete');
    expect(readAll(text, { ...wide, maxTotalBytes: 59 })).toEqual({ kind: 'malformed', reason: 'too-many-bytes' });
  });
});

describe('request', () => {
  const paths: ReadonlyArray<readonly [string, string]> = [
    ['check', '/check'],
    ['', '/'],
    ['/check', '/check'],
    ['a/b', '/a/b'],
    ['caf%C3%A9', '/café'],
    ['100%', '/100%'],
    ['?x=1', '/'],
  ];
  test.each(paths)('the script %j is the path %j', (script, path) => {
    expect(requestOf(requestEnvironment(script)).path).toBe(path);
  });

  test.each([
    ['agi://127.0.0.1:4573/check?trunk=a', '/check', 'a'],
    ['agi://[::1]:4573/check?trunk=a', '/check', 'a'],
    ['agi://127.0.0.1', '/', undefined],
    ['check?trunk=a', '/', undefined],
  ])('without a script name the URL %j is used', (url, path, trunk) => {
    const request = requestOf(`agi_request: ${url}\n\n`);
    expect(request.path).toBe(path);
    expect(request.query.get('trunk')).toBe(trunk);
  });

  const queries: ReadonlyArray<readonly [string, string, ReadonlyArray<readonly [string, string]>]> = [
    ['a plus begins a phone number and stays', 'destination=+1555', [['destination', '+1555']]],
    ['escapes are decoded', 'destination=%2B1%20555', [['destination', '+1 555']]],
    [
      'malformed escapes stay as they are',
      'a=%zz%4&b=%ff',
      [
        ['a', '%zz%4'],
        ['b', '%ff'],
      ],
    ],
    [
      'a name without a value is empty',
      'a&b=',
      [
        ['a', ''],
        ['b', ''],
      ],
    ],
    ['the first of two equal names counts', 'a=1&a=2', [['a', '1']]],
    ['an equals sign belongs to the value after the first', 'a=b=c', [['a', 'b=c']]],
    ['empty pairs are nothing', '&&a=1&', [['a', '1']]],
    ['names of object properties are names like any other', '__proto__=1', [['__proto__', '1']]],
  ];
  test.each(queries)('%s', (_what, query, parameters) => {
    expect([...requestOf(requestEnvironment(`check?${query}`)).query]).toEqual(parameters);
  });

  test('arguments end at the first number that is missing', () => {
    expect(requestOf('agi_request: x\nagi_arg_1: a\nagi_arg_3: c\n\n').args).toEqual(['a']);
  });
});

const replies: ReadonlyArray<readonly [string, AgiLine]> = [
  ['200 result=1', { kind: 'result', result: '1', data: '' }],
  ['200 result=-1\r', { kind: 'result', result: '-1', data: '' }],
  ['200 result=1 (127.0.0.1:15080)', { kind: 'result', result: '1', data: '(127.0.0.1:15080)' }],
  ['200 result=', { kind: 'result', result: '', data: '' }],
  ['510 Invalid or unknown command', { kind: 'failure', code: 510, text: 'Invalid or unknown command' }],
  [
    '511 Command Not Permitted on a dead channel or intercept routine',
    { kind: 'failure', code: 511, text: 'Command Not Permitted on a dead channel or intercept routine' },
  ],
  ['520-Invalid command syntax.', { kind: 'failure', code: 520, text: 'Invalid command syntax.' }],
  ['520 End of proper usage.', { kind: 'failure', code: 520, text: 'End of proper usage.' }],
  ['100 result=0 Trying...', { kind: 'provisional' }],
  ['HANGUP', { kind: 'hangup' }],
  ['HANGUP\r', { kind: 'hangup' }],
  ['', { kind: 'other' }],
  ['hangup', { kind: 'other' }],
  ['2000 result=1', { kind: 'other' }],
];
test.each(replies)('the line %j is read for what it is', (text, line) => {
  expect(parseAgiLine(text)).toEqual(line);
});
