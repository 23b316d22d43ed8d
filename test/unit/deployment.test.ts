/** What Docker, systemd and dpkg are given, as far as it can be read without them. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/load.ts';

const PROJECT = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(PROJECT, path), 'utf8');

interface Service {
  readonly user?: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly cap_add?: readonly string[];
  readonly privileged?: boolean;
  readonly security_opt?: readonly string[];
  readonly restart?: string;
  readonly command?: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly secrets?: readonly string[];
  readonly networks: readonly string[] | Readonly<Record<string, { readonly ipv4_address?: string }>>;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}
interface Compose {
  readonly services: Readonly<Record<'valkey' | 'tollgate' | 'asterisk', Service>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}
const compose = parse(read('docker/compose.yaml')) as Compose;
const { valkey, tollgate, asterisk } = compose.services;

const addressOf = ({ networks }: Service): string | undefined =>
  'calls' in networks ? networks['calls']?.ipv4_address : undefined;

describe('compose', () => {
  test('gives no service a right beyond those of any user, and starts each again', () => {
    for (const [name, service] of Object.entries(compose.services)) {
      expect({ name, ...service }).toMatchObject({ cap_drop: ['ALL'], restart: 'always' });
      expect(service.security_opt).toEqual(['no-new-privileges:true']);
      expect([service.privileged, service.cap_add]).toEqual([undefined, undefined]);
    }
    expect([valkey.read_only, tollgate.read_only]).toEqual([true, true]);
  });

  test('has a store that throws nothing away, keeps what it has, and that nobody outside can reach', () => {
    const words = valkey.command?.join(' ');
    expect(words).toContain('--maxmemory-policy noeviction');
    expect(words).toContain('--appendonly yes');
    expect([valkey.ports, valkey.networks, compose.networks['store']?.internal]).toEqual([undefined, ['store'], true]);
    expect(valkey.volumes).toEqual(['store:/data']);
  });

  test('names only networks, volumes, secrets and files that there are', () => {
    for (const { networks, volumes = [], secrets = [], build } of Object.values(compose.services)) {
      const names = Array.isArray(networks) ? networks : Object.keys(networks);
      for (const name of names) expect(Object.keys(compose.networks)).toContain(name);
      for (const secret of secrets) expect(Object.keys(compose.secrets)).toContain(secret);
      for (const [source = ''] of volumes.map((volume) => volume.split(':')))
        if (source.startsWith('.')) expect(existsSync(join(PROJECT, 'docker', source))).toBe(true);
        else expect(Object.keys(compose.volumes)).toContain(source);
      if (build !== undefined) expect(existsSync(join(PROJECT, 'docker', build.context, build.dockerfile))).toBe(true);
    }
  });

  test('answers the Asterisk beside it and nobody else, at the address that its dialplan asks', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tollgate-compose-'));
    try {
      writeFileSync(join(folder, 'secret'), 'word\n', { mode: 0o600 });
      const configPath = join(folder, 'tollgate.yaml');
      // The secret is there in the container alone.
      writeFileSync(configPath, read('docker/config.example.yaml').replaceAll('/run/secrets/asterisk', 'secret'));
      await check(configPath, folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  const check = async (configPath: string, folder: string): Promise<void> => {
    const options = { env: { PATH: '/usr/bin' }, cwd: folder, hostName: 'test' };
    const { config } = await loadConfig({ configPath, statePath: folder, ...options });
    expect(config.agi.allowFrom.map(String)).toEqual([addressOf(asterisk)]);
    const own = addressOf(tollgate) ?? '';
    expect(read('docker/asterisk/conf/extensions.conf')).toContain(
      `TOLLGATE_AGI = agi://${own}:${config.agi.listen.port}\n`,
    );
    expect(read('docker/asterisk/conf/manager.conf')).toContain(`permit = ${own}/255.255.255.255`);
    expect(config.asterisk[0]?.ami?.host).toBe(addressOf(asterisk));
  };
});

describe('the Dockerfile', () => {
  const dockerfile = read('docker/Dockerfile');
  const [build = '', image = ''] = dockerfile.split(/^FROM .*$/m).slice(1);

  test('ends as a user that is not root, with a health check, and without what only the build needs', () => {
    expect(image).toMatch(/^USER tollgate$/m);
    expect(image.lastIndexOf('USER ')).toBe(image.indexOf('USER '));
    expect(image).toMatch(/^HEALTHCHECK /m);
    expect(image).not.toMatch(/npm|COPY src/);
    expect(build).toContain('npm prune --omit=dev');
  });

  test('copies nothing that .dockerignore keeps out', () => {
    const kept = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    for (const [, words = ''] of dockerfile.matchAll(/^COPY (?!--from)(.*)$/gm))
      for (const source of words.split(' ').slice(0, -1)) expect(kept).toContain(normalize(source));
  });
});

describe('the systemd unit', () => {
  const unit = read('docker/systemd/tollgate.service');
  const settings = new Map([...unit.matchAll(/^(\w+)=(.*)$/gm)].map(([, key = '', value = '']) => [key, value]));

  test('gives the daemon one capability, and the state folder as the only place to write to', () => {
    expect([settings.get('AmbientCapabilities'), settings.get('CapabilityBoundingSet')]).toEqual([
      'CAP_NET_ADMIN',
      'CAP_NET_ADMIN',
    ]);
    expect([settings.get('User'), settings.get('ProtectSystem'), settings.get('NoNewPrivileges')]).toEqual([
      'tollgate',
      'strict',
      'yes',
    ]);
    expect([settings.get('StateDirectory'), settings.has('ReadWritePaths')]).toEqual(['tollgate', false]);
  });

  test('starts the daemon again whatever ended it, for as long as it takes', () => {
    expect([settings.get('Restart'), settings.get('StartLimitIntervalSec')]).toEqual(['always', '0']);
  });
});

describe('the Debian package', () => {
  test('needs the Node.js that package.json needs, and one of the two servers', () => {
    const { engines } = JSON.parse(read('package.json')) as { readonly engines: { readonly node: string } };
    const control = read('docker/debian/control');
    expect(control).toContain(`nodejs (${engines.node.replace('>=', '>= ')})`);
    expect(control).toContain('redis-server | valkey-server');
  });

  test('asks before it replaces the one file that people edit', () => {
    const conffile = read('docker/debian/conffiles').trim();
    expect(conffile).toBe('/etc/tollgate/tollgate.yaml');
    expect(read('docker/build-deb.mjs')).toContain(`'${conffile.slice(1)}'`);
    expect(dirname(conffile)).toBe('/etc/tollgate');
  });
});
