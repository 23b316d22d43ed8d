/** tollgate.yaml: each mistake with the exact sentence it gets, and where values come from. */
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type LoadedConfig, type LoadOptions, loadConfig } from '../../../src/config/load.ts';
import { ConfigError, problemText } from '../../../src/config/problems.ts';
import { describeConfig, storePlace } from '../../../src/config/schema.ts';

const fixtures = new URL('../../fixtures/config', import.meta.url).pathname;
let dir = '';

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tollgate-config-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

function load(options: Partial<LoadOptions> = {}): Promise<LoadedConfig> {
  return loadConfig({
    env: {},
    cwd: dir,
    hostName: 'pbx1.example.com',
    systemPath: join(dir, 'etc', 'tollgate.yaml'),
    systemState: join(dir, 'absent', 'state'),
    ...options,
  });
}

/** The problems as printed, the folder cut off. */
async function problems(options: Partial<LoadOptions>): Promise<readonly string[]> {
  try {
    await load(options);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map((problem) =>
      problemText(problem).replaceAll(`${fixtures}/`, '').replaceAll(`${dir}/`, ''),
    );
  }
  return [];
}

async function write(name: string, text: string, mode = 0o600): Promise<void> {
  await writeFile(join(dir, name), text);
  await chmod(join(dir, name), mode);
}

const address = 'expected HOST:PORT with a port from 0 to 65535, an IPv6 address in brackets like "[::1]:4573"';
const mistakes: Readonly<Record<string, readonly string[]>> = {
  'unknown-key': ['2:3: agi.listn: unknown key; did you mean "listen"?'],
  'unknown-section': ['1:1: fierwall: unknown key; did you mean "firewall"?'],
  'nothing-near': ['2:3: log.colour: unknown key; known here are level, numbers, format'],
  'duplicate-key': ['3:3: the key listen stands twice in the same mapping'],
  'two-documents': ['2:1: a second document begins here; the file must hold one'],
  'list-at-top': ['1:1: expected a mapping (key: value) at the top'],
  'port-too-large': [`2:3: agi.listen: ${address}, found "127.0.0.1:70000"`],
  'ipv6-without-brackets': [`2:3: http.listen: ${address}, found "::1:8480"`],
  'host-bits': [
    '2:29: agi.allowFrom[1]: expected an IP address or a network like "10.0.0.0/8", with no bits set beyond its prefix, found "10.0.0.5/8"',
  ],
  'deadline-as-duration': ['1:8: agi.deadlineMs: expected a number, found "250ms"'],
  'deadline-fraction': ['1:8: agi.deadlineMs: expected a whole number, found 250.5'],
  'deadline-zero': ['1:8: agi.deadlineMs: expected at least 20, found 0'],
  'braces-in-prefix': ['1:10: redis.prefix: expected 1 to 64 letters, digits, "_", "." or "-", found "{gate}"'],
  'two-places': ['3:3: redis.cluster: cannot stand beside redis.url: choose one'],
  'sentinels-without-name': ['2:3: redis.sentinels: needs redis.name, the name by which the sentinels know the master'],
  'tls-without-tls': [
    '3:3: redis.tls: needs an address that begins with rediss://',
    '3:3: redis.tls: cert and key belong together',
  ],
  'password-without-server': ['2:3: redis.password: has no use without url, sentinels or cluster'],
  'http-address-for-redis': [
    '2:3: redis.url: expected redis://HOST:PORT/DATABASE, rediss:// for TLS, or the path of a socket',
  ],
  'unknown-backend': [
    '1:13: firewall.backend: expected one of nftables, dry-run, none, found "nftable"; did you mean "nftables"?',
  ],
  'missing-password': ['3:5: asterisk[0].ami.password: is missing: give password or passwordFile'],
  'number-as-password': ['3:32: asterisk[0].ami.password: expected text: put it in quotes'],
  'same-name-twice': ['3:5: asterisk[1].name: is the name of an earlier entry'],
  'password-and-file': ['4:3: redis.passwordFile: cannot stand beside redis.password: choose one'],
  'missing-secret-file': [
    "3:3: redis.passwordFile: nowhere.txt cannot be used: ENOENT: no such file or directory, open 'nowhere.txt'",
  ],
  'bare-duration': ['1:12: journal.maxAge: expected text, found 30: put it in quotes'],
  'wrong-unit': [
    '1:12: journal.maxAge: expected a duration like "250ms", "2s", "5m", "1h" or "7d", from 1m to 3650d, found "30 days"',
  ],
  'section-as-text': ['1:1: http: expected a mapping (key: value), found "127.0.0.1:8480"'],
  'unknown-tag': ['1:7: the tag !secret is not known'],
  several: [
    `3:3: agi.listen: ${address}, found "nowhere"`,
    '4:3: agi.deadlineMs: expected at least 20, found 5',
    '6:3: http.tls.key: is missing',
    '7:8: log.level: expected one of fatal, error, warn, info, debug, trace, silent, found "loud"',
    '1:1: nodes: unknown key; did you mean "node"?',
  ],
};

describe('a mistake in the file is named with its line and what to do', () => {
  test.each(Object.entries(mistakes))('%s.yaml', async (name, expected) => {
    const file = `${name}.yaml`;
    const found = await problems({ configPath: join(fixtures, file) });
    expect(found).toEqual(expected.map((text) => `${file}:${text}`));
  });

  test('every mistake of the fixtures is told, and every fixture is a mistake', async () => {
    expect((await readdir(fixtures)).sort()).toEqual(
      Object.keys(mistakes)
        .map((name) => `${name}.yaml`)
        .sort(),
    );
  });

  test('text that is no YAML is named with the line where it stops making sense', async () => {
    await write('tollgate.yaml', 'agi: { listen: "127.0.0.1:4573"\n');
    expect(await problems({})).toEqual([
      'tollgate.yaml:2:1: not valid YAML: Flow map in block collection must be sufficiently indented and end with a }',
    ]);
    await write('tollgate.yaml', 'node: *nowhere\n');
    expect(await problems({})).toHaveLength(1);
  });

  test('a password is repeated in no message', async () => {
    for (const name of ['http-address-for-redis', 'number-as-password', 'password-and-file']) {
      expect((await problems({ configPath: join(fixtures, `${name}.yaml`) })).join()).not.toMatch(
        /hunter2|483920|: secret/,
      );
    }
  });
});

describe('where the configuration comes from', () => {
  test('without any file the defaults hold', async () => {
    const { config, file, warnings } = await load();
    expect(file).toBeUndefined();
    expect(warnings).toEqual([]);
    expect(config).toEqual({
      node: 'pbx1.example.com',
      state: join(dir, '.tollgate'),
      redis: { prefix: 'tollgate', tenant: 'default' },
      agi: {
        listen: { host: '127.0.0.1', port: 4573 },
        allowFrom: ['127.0.0.0/8', '::1'],
        deadlineMs: 250,
        maxConnections: 2000,
      },
      http: { listen: { host: '127.0.0.1', port: 8480 }, trustedProxies: [] },
      asterisk: [],
      alerts: { allowNetworks: [], channels: {}, group: 300_000 },
      calls: { lease: 300_000 },
      countries: {},
      registrations: {},
      firewall: { backend: 'none' },
      journal: { maxEntries: 100_000, maxAge: 30 * 86_400_000 },
      audit: { maxEntries: 1_000_000, maxAge: 1826 * 86_400_000 },
      metrics: { allowFrom: ['127.0.0.0/8', '::1'] },
      log: { level: 'info', numbers: 'masked', format: 'auto' },
    });
    expect(storePlace(config.redis)).toEqual({ kind: 'embedded' });
  });

  test('--config goes before $TOLLGATE_CONFIG, that before ./tollgate.yaml, that before the file of the system', async () => {
    await mkdir(join(dir, 'etc'));
    const files = ['etc/tollgate.yaml', 'tollgate.yaml', 'by-env.yaml', 'by-option.yaml'];
    const seen: string[] = [];
    for (const [index, file] of files.entries()) {
      await write(file, `node: n${index}\n`);
      const env = index >= 2 ? { TOLLGATE_CONFIG: 'by-env.yaml' } : {};
      const loaded = await load({ env, configPath: index >= 3 ? 'by-option.yaml' : undefined });
      seen.push(loaded.config.node);
    }
    expect(seen).toEqual(['n0', 'n1', 'n2', 'n3']);
  });

  test('a file that was named and is not there is an error, never a silent default', async () => {
    expect(await problems({ configPath: 'gone.yaml' })).toEqual(['--config: there is no file gone.yaml']);
    expect(await problems({ env: { TOLLGATE_CONFIG: 'gone.yaml' } })).toEqual([
      'TOLLGATE_CONFIG: there is no file gone.yaml',
    ]);
  });

  test('the folder of the system is the state folder where it can be made', async () => {
    expect((await load({ systemState: join(dir, 'state') })).config.state).toBe(join(dir, 'state'));
  });

  test('--state goes before $TOLLGATE_STATE, that before the file, whose relative path is meant from its own folder', async () => {
    await mkdir(join(dir, 'sub'));
    await write('sub/t.yaml', 'state: here\n');
    const configPath = 'sub/t.yaml';
    expect((await load({ configPath })).config.state).toBe(join(dir, 'sub/here'));
    expect((await load({ configPath, env: { TOLLGATE_STATE: 'there' } })).config.state).toBe(join(dir, 'there'));
    const all = await load({ configPath, env: { TOLLGATE_STATE: 'there' }, statePath: 'else' });
    expect(all.config.state).toBe(join(dir, 'else'));
  });

  test('keys without a value count as absent', async () => {
    await write('tollgate.yaml', 'agi:\n  # listen: x\nhttp:\n  publicUrl:\n');
    expect((await load()).config.agi.deadlineMs).toBe(250);
  });
});

describe('the environment', () => {
  test('sets every kind of key, in any spelling of its name', async () => {
    await write('tollgate.yaml', 'agi: { listen: "127.0.0.1:1", deadlineMs: 100 }\nasterisk: [{ name: a }]\n');
    const { config } = await load({
      env: {
        TOLLGATE_AGI__LISTEN: '[::1]:4574',
        TOLLGATE_AGI__DEADLINE_MS: '300',
        TOLLGATE_AGI__ALLOWFROM: '10.0.0.0/8, 192.0.2.1',
        TOLLGATE_HTTP__TRUSTED_PROXIES: '["::1"]',
        TOLLGATE_HTTP__TLS: '{ cert: c.pem, key: k.pem }',
        TOLLGATE_ASTERISK__0__AMI__USERNAME: 'gate',
        TOLLGATE_ASTERISK__0__AMI__PASSWORD: '12345',
        TOLLGATE_ASTERISK__1__NAME: 'b',
        TOLLGATE_NODE: 'n7',
        TOLLGATE_JOURNAL__MAX_AGE: '7d',
        TOLLGATE_LOG__LEVEL: '',
      },
    });
    expect(config).toMatchObject({
      node: 'n7',
      agi: { listen: { host: '::1', port: 4574 }, deadlineMs: 300, allowFrom: ['10.0.0.0/8', '192.0.2.1'] },
      http: { trustedProxies: ['::1'], tls: { cert: join(dir, 'c.pem'), key: join(dir, 'k.pem') } },
      asterisk: [
        { name: 'a', ami: { host: '127.0.0.1', port: 5038, username: 'gate', password: '12345' } },
        { name: 'b' },
      ],
      journal: { maxAge: 7 * 86_400_000 },
      log: { level: 'info' },
    });
  });

  test('an unknown or wrong variable is named together with the problems of the file', async () => {
    await write('tollgate.yaml', 'nod: x\n');
    expect(
      await problems({
        env: {
          TOLLGATE_AGI__LISTN: 'x',
          TOLLGATE_AGI__DEADLINEMS: 'soon',
          TOLLGATE_ASTERISK: '[{',
          TOLLGATE_LOG__LEVEL__X: '1',
        },
      }),
    ).toEqual([
      'TOLLGATE_AGI__LISTN: agi.LISTN: unknown key; did you mean "listen"?',
      'TOLLGATE_ASTERISK: asterisk: expected YAML or JSON',
      'TOLLGATE_LOG__LEVEL__X: log.level.X: unknown key; no keys are known below this one',
      'TOLLGATE_AGI__DEADLINEMS: agi.deadlineMs: expected a number, found "soon"',
      'tollgate.yaml:1:1: nod: unknown key; did you mean "node"?',
    ]);
  });

  test('names that a container platform or the dialplan may set are no error', async () => {
    const { warnings } = await load({
      env: { TOLLGATE_PORT: 'tcp://10.0.0.1:80', TOLLGATE_AGI: 'agi://x', TOLLGATE_SATE: 'x', TOLLGATE_KEY: 'k' },
    });
    expect(warnings.map(problemText)).toEqual([
      'TOLLGATE_PORT: not a key of the configuration',
      'TOLLGATE_SATE: not a key of the configuration; did you mean TOLLGATE_STATE?',
    ]);
  });

  test('a secret of the environment replaces the secret file of the file, and the other way round', async () => {
    await write('tollgate.yaml', 'redis: { url: "redis://h", passwordFile: gone }\n');
    expect((await load({ env: { TOLLGATE_REDIS__PASSWORD: 'p' } })).config.redis.password).toBe('p');
    await write('tollgate.yaml', 'redis: { url: "redis://h", password: q }\n');
    await write('secret', 'from file\n');
    const env = { TOLLGATE_REDIS__PASSWORD_FILE: 'secret' };
    expect((await load({ env })).config.redis.password).toBe('from file');
  });
});

describe('secrets', () => {
  test('are read from files without the line end, and files that all can read are warned of', async () => {
    await write('url', 'rediss://user:pa%20ss@store.example.com:6380/2\n');
    await write('ami', 'open to all\r\n', 0o644);
    await write(
      'tollgate.yaml',
      'redis: { urlFile: url }\nasterisk: [{ name: a, ami: { username: u, passwordFile: ami } }]\n',
    );
    const { config, warnings } = await load();
    expect(config.redis.url).toBe('rediss://user:pa%20ss@store.example.com:6380/2');
    expect(config.asterisk[0]?.ami?.password).toBe('open to all');
    expect(warnings.map((warning) => problemText(warning).replaceAll(`${dir}/`, ''))).toEqual([
      'tollgate.yaml:2:43: asterisk[0].ami.passwordFile: ami can be read by every user: chmod 600',
    ]);
  });

  test('in a file that all can read are warned of, and only there', async () => {
    await write('tollgate.yaml', 'redis: { url: "redis://u:p@h" }\n', 0o644);
    expect((await load()).warnings.map(({ message }) => message)).toEqual([
      'holds redis.url and can be read by every user: chmod 640, or use passwordFile',
    ]);
    await write('tollgate.yaml', 'redis: { url: "redis://h" }\n', 0o644);
    expect((await load()).warnings).toEqual([]);
  });

  test.each([
    ['empty', '\n', 'it is empty'],
    ['two lines', 'a\nb\n', 'it has more than one line'],
  ])('a secret file that is %s is refused', async (_, text, why) => {
    await write('secret', text);
    await write('tollgate.yaml', 'redis: { url: "redis://h", passwordFile: secret }\n');
    expect(await problems({})).toEqual([`tollgate.yaml:1:28: redis.passwordFile: secret cannot be used: ${why}`]);
  });

  test('appear nowhere in the described configuration, which reads back as the same one', async () => {
    await write(
      'tollgate.yaml',
      `redis: { url: "redis://u:s3cret@[::1]:6379/0" }
agi: { listen: "[::]:4573" }
journal: { maxAge: 36h }
asterisk:
  - name: a
    ami: { username: u, password: s3cret }
    ari: { username: u, password: s3cret }
`,
    );
    const { config } = await load();
    const described = describeConfig(config);
    expect(JSON.stringify(described)).not.toContain('s3cret');
    expect(described).toMatchObject({
      redis: { url: 'redis://u:(secret)@[::1]:6379/0' },
      agi: { listen: '[::]:4573' },
      journal: { maxAge: '36h' },
      asterisk: [{ ami: { password: '(secret)' }, ari: { url: 'http://127.0.0.1:8088', password: '(secret)' } }],
    });
    await write('described.yaml', JSON.stringify(described).replaceAll('(secret)', 's3cret'));
    expect((await load({ configPath: 'described.yaml' })).config).toEqual(config);
  });
});

describe('the place of the store', () => {
  test.each([
    ['{ url: "redis://u:p@h:1/2" }', { kind: 'url', url: 'redis://u:p@h:1/2' }],
    ['{ url: /run/redis.sock, password: p }', { kind: 'socket', path: '/run/redis.sock', password: 'p' }],
    ['{ url: "unix:///run/redis.sock" }', { kind: 'socket', path: '/run/redis.sock' }],
    [
      '{ sentinels: ["10.0.0.1", "[::1]:7"], name: m, sentinelPassword: s }',
      {
        kind: 'sentinels',
        name: 'm',
        sentinelPassword: 's',
        sentinels: [
          { host: '10.0.0.1', port: 26379 },
          { host: '::1', port: 7 },
        ],
      },
    ],
    [
      '{ cluster: [a, "b:7000"] }',
      {
        kind: 'cluster',
        nodes: [
          { host: 'a', port: 6379 },
          { host: 'b', port: 7000 },
        ],
      },
    ],
    ['{ cluster: [a], tls: {} }', { kind: 'cluster', nodes: [{ host: 'a', port: 6379 }], tls: {} }],
    [
      '{ url: "rediss://h", tls: { ca: /etc/ca.pem, cert: /etc/c.pem, key: /etc/k.pem } }',
      { kind: 'url', url: 'rediss://h', tls: { ca: '/etc/ca.pem', cert: '/etc/c.pem', key: '/etc/k.pem' } },
    ],
    ['{ server: /opt/redis-server }', { kind: 'embedded', command: '/opt/redis-server' }],
  ])('redis: %s', async (text, place) => {
    await write('tollgate.yaml', `redis: ${text}\n`);
    expect(storePlace((await load()).config.redis)).toEqual(place);
  });
});
