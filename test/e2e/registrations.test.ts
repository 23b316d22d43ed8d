/** Phones in the right place and in the wrong one, on a real Asterisk: which stay registered, and which may call. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { AlertReport } from '../../src/api/alert-report.ts';
import { DIALPLAN } from '../../src/demo/story.ts';
import type { DecisionReport } from '../../src/gate/report.ts';
import type { Status } from '../../src/status.ts';
import { startScene, type TestScene } from '../support/scene.ts';
import { createSipPhone, type SipPhone } from '../support/sip-phone.ts';
import { testedAsterisk } from '../support/stage.ts';

/** Where 1001 may be, and where not. */
const OFFICE = '127.0.0.2';
const ELSEWHERE = '127.0.0.3';
const POLICY = `
emergencyNumbers: ["911"]
extensions:
  "1001": { registerFrom: ["${OFFICE}"] }
  "1002": { registerFrom: ["${OFFICE}"] }
  "3001": { registerFrom: ["${OFFICE}"] }
`;

let scene: TestScene;
const phones: SipPhone[] = [];
const phone = async (user: string, address: string, more: { claims?: string; sipPort?: number } = {}) => {
  const { asterisk } = scene.stage;
  const password = asterisk.phones[user] ?? 'secret';
  const made = await createSipPhone({ user, password, address, sipPort: asterisk.sipPort, ...more });
  phones.push(made);
  return made;
};
const contacts = async (): Promise<string> => scene.stage.asterisk.cli('pjsip show contacts');
const isRegistered = async ({ contact }: SipPhone): Promise<boolean> => (await contacts()).includes(contact.slice(4));
const registrations = async () =>
  (await scene.api<Status>('GET', '/api/v1/status')).parts.find(({ name }) => name === 'registrations')?.detail ?? '';
async function until<T>(read: () => Promise<T>, wanted: T, withinMs = 5000): Promise<T> {
  const giveUpMs = performance.now() + withinMs;
  for (;;) {
    const value = await read();
    if (value === wanted || performance.now() >= giveUpMs) return value;
    await sleep(50);
  }
}
/** Long enough for whatever might still happen to a registration. */
const settle = () => sleep(600);

afterEach(async () => {
  for (const each of phones.splice(0)) {
    await each.register(0).catch(() => undefined);
    each.close();
  }
});

describe('without a file in the configuration of Asterisk', () => {
  beforeAll(async () => {
    scene = await startScene({
      version: testedAsterisk,
      phones: ['1001', '1002', '1003'],
      dialplan: DIALPLAN,
      // 1002 keeps what its phones claim. chan_sip has a port of its own.
      modules: testedAsterisk === 16 ? ['chan_sip'] : [],
      files: {
        'pjsip.conf': '[1002](+type=endpoint)\nrewrite_contact = no\n',
        'sip.conf': `[general]\nudpbindaddr = 127.0.0.1:25160\nwebsocket_enabled = no\nallowguest = no\n
[3001]\ntype = friend\nhost = dynamic\nsecret = secret\ncontext = from-phones\ndisallow = all\nallow = ulaw\n`,
      },
      connected: '',
    });
    await scene.apply(POLICY);
  });
  afterAll(() => scene.stop());

  test('of several registrations of one extension only the one from elsewhere is taken away', async () => {
    const [right, wrong, free] = [
      await phone('1001', OFFICE),
      await phone('1001', ELSEWHERE),
      await phone('1003', ELSEWHERE),
    ];
    expect([await right.register(), await wrong.register(), await free.register()]).toEqual([200, 200, 200]);
    expect(await until(() => isRegistered(wrong), false)).toBe(false);
    await settle();
    expect(await isRegistered(right)).toBe(true);
    expect(await isRegistered(free)).toBe(true);
    expect(await registrations()).toContain(`last: 1001 from ${ELSEWHERE}`);
    const told = await scene.ask<AlertReport[]>('alerts', 'list');
    expect(told).toContainEqual(
      expect.objectContaining({ kind: 'fraud', title: 'Somebody has the password of extension 1001' }),
    );
  });

  test('a phone that registers again and again is taken away each time, and told of once a minute', async () => {
    const wrong = await phone('1001', ELSEWHERE);
    for (let time = 0; time < 5; time += 1) {
      expect(await wrong.register()).toBe(200);
      expect(await until(() => isRegistered(wrong), false)).toBe(false);
    }
    const lines = (await scene.tollgate.log()).split('\n');
    expect(
      lines.filter((line) => line.includes('where its extension may not be') && line.includes('1001')).length,
    ).toBe(1);
  });

  test('a call from elsewhere is refused and says why, while the right phone and emergency calls go on', async () => {
    const [right, wrong, free] = [
      await phone('1001', OFFICE),
      await phone('1001', ELSEWHERE),
      await phone('1003', ELSEWHERE),
    ];
    await right.register();
    expect(await wrong.call('15550100001')).toBe(403);
    const [refused] = await scene.ask<DecisionReport[]>('calls', 'list', '--limit', '1');
    expect(refused).toMatchObject({ verdict: 'block', layer: 'registration', extension: '1001' });
    expect(refused?.reason).toBe(
      `extension 1001 may register and call from ${OFFICE} only, and the phone is at ${ELSEWHERE}`,
    );
    expect(await right.call('15550100002')).toBe(200);
    expect(await free.call('15550100003')).toBe(200);
    expect(await wrong.call('911')).toBe(200);
  });

  test('what a phone claims in its Contact neither saves nor harms it', async () => {
    const liar = await phone('1002', ELSEWHERE, { claims: `${OFFICE}:5060` });
    const honest = await phone('1002', OFFICE, { claims: '192.168.1.20:5060' });
    expect([await liar.register(), await honest.register()]).toEqual([200, 200]);
    expect(await until(() => isRegistered(liar), false)).toBe(false);
    await settle();
    expect(await isRegistered(honest)).toBe(true);
  });

  test('a registration that came while the daemon was away is taken away when it is back', async () => {
    const [right, wrong] = [await phone('1001', OFFICE), await phone('1001', ELSEWHERE)];
    await scene.tollgate.kill();
    expect([await right.register(), await wrong.register()]).toEqual([200, 200]);
    await settle();
    expect(await isRegistered(wrong)).toBe(true);
    await scene.tollgate.start();
    expect(await until(() => isRegistered(wrong), false)).toBe(false);
    await settle();
    expect(await isRegistered(right)).toBe(true);
  });

  test('a registration that nobody saw come stays where its address is not proven, and is counted', async () => {
    const wrong = await phone('1002', ELSEWHERE, { claims: '192.168.1.20:5060' });
    await scene.tollgate.kill();
    expect(await wrong.register()).toBe(200);
    await scene.tollgate.start();
    expect(await until(async () => (await registrations()).includes('1 of unknown address'), true)).toBe(true);
    expect(await isRegistered(wrong)).toBe(true);
    // Its next registration is its last one.
    expect(await wrong.register()).toBe(200);
    expect(await until(() => isRegistered(wrong), false)).toBe(false);
  });

  test('an extension that is restricted while a phone is registered elsewhere loses it', async () => {
    const wrong = await phone('1003', ELSEWHERE);
    expect(await wrong.register()).toBe(200);
    expect((await scene.tollgate.run(['extensions', 'set', '1003', '--register-from', OFFICE])).exitCode).toBe(0);
    expect(await until(() => isRegistered(wrong), false)).toBe(false);
    expect((await scene.tollgate.run(['extensions', 'set', '1003', '--drop-register-from', OFFICE])).exitCode).toBe(0);
    expect(await wrong.register()).toBe(200);
    await settle();
    expect(await isRegistered(wrong)).toBe(true);
  });

  test.runIf(testedAsterisk === 16)(
    'a peer of chan_sip that registered elsewhere is unregistered, and cannot call',
    async () => {
      const peers = () => scene.stage.asterisk.cli('sip show peers');
      const [right, wrong] = [
        await phone('3001', OFFICE, { sipPort: 25160 }),
        await phone('3001', ELSEWHERE, { sipPort: 25160 }),
      ];
      expect(await right.register()).toBe(200);
      await settle();
      expect(await peers()).toContain(OFFICE);
      expect(await wrong.register()).toBe(200);
      expect(await until(async () => (await peers()).includes(ELSEWHERE), false)).toBe(false);
      expect(await wrong.call('15550100004')).toBe(403);
      expect(await right.register()).toBe(200);
      expect(await right.call('15550100005')).toBe(200);
    },
  );
});

describe('with a file in the configuration of Asterisk', () => {
  let folder: string;
  let path: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tollgate-acl-'));
    path = join(folder, 'pjsip_tollgate.conf');
    scene = await startScene({
      version: testedAsterisk,
      phones: ['1001', '1002', '1003'],
      dialplan: DIALPLAN,
      files: { 'pjsip.conf': `#tryinclude ${path}\n` },
      connected: `registrations: { aclFile: ${path} }`,
    });
  });
  afterAll(async () => {
    await scene.stop();
    await rm(folder, { recursive: true, force: true });
  });
  const isLetIn = async (tried: SipPhone) => (await tried.register()) === 200;

  test('Asterisk itself refuses the wrong phone, as long as the policy says so', async () => {
    const [right, wrong, free] = [
      await phone('1001', OFFICE),
      await phone('1001', ELSEWHERE),
      await phone('1003', ELSEWHERE),
    ];
    await scene.apply(POLICY);
    expect(await until(() => isLetIn(wrong), false)).toBe(false);
    expect([await isLetIn(right), await isLetIn(wrong), await isLetIn(free)]).toEqual([true, false, true]);
    expect(await until(() => isRegistered(wrong), false)).toBe(false);
    expect(await until(async () => (await registrations()).includes(`last: 1001 from ${ELSEWHERE}`), true)).toBe(true);
    // 3001 is no endpoint of chan_pjsip: naming it would make Asterisk drop what follows.
    expect(await readFile(path, 'utf8')).not.toContain('3001');

    await scene.apply('extensions: { "1002": { registerFrom: ["127.0.0.2"] } }');
    expect(await until(() => isLetIn(wrong), true)).toBe(true);
  });

  test('an endpoint that the file does not reach is left out and named, and the others are in force', async () => {
    const wizard =
      '[wizard]\ntype = wizard\naccepts_registrations = yes\naccepts_auth = yes\ninbound_auth/username = wizard\ninbound_auth/password = secret\naor/max_contacts = 1\nendpoint/context = from-phones\n';
    await scene.stop();
    scene = await startScene({
      version: testedAsterisk,
      phones: ['1001', '1002', '1003'],
      dialplan: DIALPLAN,
      modules: ['res_pjsip_config_wizard'],
      files: { 'pjsip.conf': `#tryinclude ${path}\n`, 'pjsip_wizard.conf': wizard },
      connected: `registrations: { aclFile: ${path} }`,
    });
    await scene.apply(
      'extensions: { wizard: { registerFrom: ["127.0.0.2"] }, "1002": { registerFrom: ["127.0.0.2"] } }',
    );
    const wrong = await phone('1002', ELSEWHERE);
    expect(await until(() => isLetIn(wrong), false, 20_000)).toBe(false);
    expect(await until(async () => (await registrations()).includes('does not reach wizard:'), true, 20_000)).toBe(
      true,
    );
    expect(await isLetIn(wrong)).toBe(false);
  });
});
