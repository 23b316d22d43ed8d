/** The section `alerts` of the configuration: secrets from files and the environment, mistakes in words. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { describeConfig } from '../../../src/config/schema.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tollgate-config-'));
  await writeFile(join(folder, 'secret'), 'from a file of one line\n', { mode: 0o600 });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function load(yaml: string, env: Readonly<Record<string, string>> = {}) {
  const configPath = join(folder, 'tollgate.yaml');
  await writeFile(configPath, yaml, { mode: 0o600 });
  return await loadConfig({ configPath, statePath: folder, env, cwd: folder, hostName: 'pbx1' });
}
const problems = (yaml: string, env?: Readonly<Record<string, string>>): Promise<string> =>
  load(yaml, env).then(
    () => 'none',
    (error: unknown) => String(error).replaceAll(`${folder}/`, ''),
  );
const hook = 'alerts: { channels: { ops: { kind: webhook, url: "https://example.com/x"';

describe('secrets of channels', () => {
  it('come from a file that is named from the folder of the configuration, and are not shown', async () => {
    const { config } = await load(`${hook}, secretFile: secret } } }`);
    expect(config.alerts.channels['ops']).toMatchObject({ secret: 'from a file of one line' });
    const shown = JSON.stringify(describeConfig(config));
    expect(shown).toContain('"secret":"(secret)"');
    expect(shown).not.toContain('one line');
  });

  it('come from the environment, by the name of the channel', async () => {
    const name = 'TOLLGATE_ALERTS__CHANNELS__OPS_MAIL__';
    const mail = 'alerts: { channels: { ops-mail: { kind: email, host: h, from: a@b.c, to: [d@e.f], username: u } } }';
    const { config } = await load(mail, { [`${name}PASSWORD`]: 'hush' });
    expect(config.alerts.channels['ops-mail']).toMatchObject({ password: 'hush', tls: 'starttls' });
    const { config: fromFile } = await load(mail, { [`${name}PASSWORD_FILE`]: 'secret' });
    expect(fromFile.alerts.channels['ops-mail']).toMatchObject({ password: 'from a file of one line' });
  });
});

describe('a mistake is named with its place', () => {
  it.each([
    [
      'a key that the kind does not have',
      `${hook}, secretFile: secret, tokn: x } } }`,
      /alerts\.channels\.ops\.tokn: unknown key/,
    ],
    ['a kind that is not there', 'alerts: { channels: { a: { kind: pigeon } } }', /alerts\.channels\.a\.kind: /],
    [
      'a secret that is missing',
      `${hook} } } }`,
      /alerts\.channels\.ops\.secret: is missing: give secret or secretFile/,
    ],
    ['a secret that is too short', `${hook}, secret: short } } }`, /alerts\.channels\.ops\.secret: is shorter than 16/],
    [
      'a channel that no route can find',
      'alerts: { routes: [{ to: [ops] }] }',
      /alerts\.routes\[0\]: names no channel "ops"/,
    ],
    ['a duration', 'alerts: { group: 1s }', /alerts\.group: expected a duration like "5m", from 10s to 1h, found "1s"/],
    [
      'a phone without an Asterisk that could call it',
      'alerts: { channels: { p: { kind: phone, endpoint: "2001" } } }',
      /alerts\.channels\.p: calls people by an Asterisk that has ari in section asterisk; there is none/,
    ],
    [
      'an Asterisk of a phone that is not there',
      `alerts: { channels: { p: { kind: phone, endpoint: "2001", asterisk: pbx2 } } }
asterisk: [{ name: pbx1, ari: { url: "http://127.0.0.1:8088", username: a, password: b } }]`,
      /alerts\.channels\.p: calls people by .*; there is pbx1/,
    ],
    ['a network', 'alerts: { allowNetworks: [home] }', /alerts\.allowNetworks\[0\]: expected an IP address/],
    ['a name', 'alerts: { channels: { "a b": { kind: slack, webhookUrl: "https://x" } } }', /alerts\.channels/],
    [
      'an address with a log-in',
      'alerts: { channels: { s: { kind: slack, webhookUrl: "https://u:p@x" } } }',
      /webhookUrl: expected an address/,
    ],
  ])('%s', async (_what, yaml, sentence) => {
    const said = await problems(yaml);
    expect(said).toMatch(sentence);
    expect(said).not.toContain('u:p@x');
  });
});
