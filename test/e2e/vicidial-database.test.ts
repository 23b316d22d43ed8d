/** Calls as VICIdial originates them, decided by a real Tollgate that reads VICIdial's tables from a real MariaDB. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type AmiConnection, connectAmi } from '../../src/asterisk/ami-connection.ts';
import { systemClock } from '../../src/clock.ts';
import { PackagesUnavailable } from '../../src/demo/debian-mirror.ts';
import type { DecisionReport } from '../../src/gate/report.ts';
import { ensureMariaDb, type MariaDb, startMariaDb } from '../support/mariadb.ts';
import { startScene, type TestScene } from '../support/scene.ts';
import { keptLog } from '../support/silent-log.ts';
import { testedAsterisk } from '../support/stage.ts';

const file = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8');
const missing = await ensureMariaDb().then(
  () => undefined,
  (error: unknown) => {
    if (!(error instanceof PackagesUnavailable)) throw error;
    console.log(`without MariaDB these tests are skipped: ${error.message}`);
    return error;
  },
);
const dialplan = `
[from-phones]
exten => _X.,1,Hangup()
[default]
exten => _8600XXX,1,Answer()
 same => n,Wait(20)
exten => 8368,1,Wait(20)
exten => _9X.,1,Gosub(tollgate-vicidial,gate,1(\${EXTEN:1},carrier-a))
exten => _9X.,n,Dial(PJSIP/\${EXTEN:1}@carrier-a,\${CAMPDTO},To)
exten => _9X.,n,Hangup()
`;
/** Nothing but the facts of the database tells these calls apart. */
const policy = `emergencyNumbers: ["911"]
rules:
  - { id: of-sales, appliesTo: { campaigns: [SALES], extensions: [predictive] }, countPer: system, limits: ["1/1h"] }
  - { id: of-bert, appliesTo: { extensions: ["2001"] }, limits: ["1/1h"] }
  - { id: no-three-way, appliesTo: { kinds: [three-way] } }
  - { id: asked, appliesTo: { campaigns: [HELD] }, action: approve }
`;

describe.skipIf(missing !== undefined)('with the database of VICIdial', () => {
  let db: MariaDb;
  let scene: TestScene;
  let ami: AmiConnection;
  let leads = 5000;

  const originate = (channel: string, exten: string, name: string) =>
    ami.action('Originate', {
      ...{ Channel: channel, Context: 'default', Exten: exten, Priority: '1', Async: 'true', Timeout: '20000' },
      CallerID: `"${name}" <3125550100>`,
    });
  const nextCode = (letter: string) => {
    leads += 1;
    return { lead: leads, code: `${letter}112010300000000${leads}` };
  };
  const predictive = async (campaign: string, to: string) => {
    const { lead, code } = nextCode('V');
    await db.execute(`INSERT INTO vicidial_list (lead_id, list_id) VALUES (${lead}, 777);
      INSERT INTO vicidial_auto_calls (server_ip, campaign_id, lead_id, callerid) VALUES ('10.0.0.1', '${campaign}', ${lead}, '${code}');`);
    await originate(`Local/9${to}@default`, '8368', code);
    return String(lead);
  };
  const manual = async (to: string) => {
    const { code } = nextCode('M');
    await db.execute(`INSERT INTO vicidial_manager (server_ip, callerid) VALUES ('10.0.0.2', '${code}')`);
    await originate('Local/8600051@default', `9${to}`, code);
  };
  const arrived = (to: string) =>
    vi.waitUntil(
      async () => (await scene.stage.carrier('carrier-a').calls()).some(({ destination }) => destination === to),
      { interval: 20, timeout: 10_000 },
    );
  const refused = (to: string) =>
    vi.waitUntil(
      async () =>
        (await scene.ask<DecisionReport[]>('calls', 'list', '--verdict', 'block')).find(
          ({ dialled }) => dialled === to,
        ),
      { interval: 50, timeout: 10_000 },
    );

  beforeAll(async () => {
    db = await startMariaDb(await file('test/fixtures/vicidial/schema.sql'));
    await db.execute(`CREATE USER tollgate@'127.0.0.1' IDENTIFIED BY 'secret';
      GRANT SELECT ON asterisk.* TO tollgate@'127.0.0.1';
      INSERT INTO vicidial_live_agents (user, server_ip, conf_exten, extension, campaign_id) VALUES
        ('anna', '10.0.0.1', '8600051', 'SIP/1001', 'WARM'), ('bert', '10.0.0.2', '8600051', 'PJSIP/2001', 'WARM');`);
    scene = await startScene({
      version: testedAsterisk,
      dialplan: `${await file('dialplan/vicidial.conf')}\n${dialplan}`,
      connected: `vicidial: { host: 127.0.0.1, port: ${db.port}, username: tollgate, password: secret, deadlineMs: 100, onFailure: block }`,
    });
    await scene.apply(policy);
    ami = connectAmi({ name: 'dialler', ...scene.stage.asterisk.ami, log: keptLog().log, clock: systemClock });
    await vi.waitUntil(() => ami.state().up, { interval: 5, timeout: 20_000 });
  });
  afterAll(async () => {
    await ami?.close();
    await scene?.stop();
    await db?.stop();
  });

  it('a predictive call is counted by the campaign of its row, and its decision names lead and list', async () => {
    await predictive('SALES', '15551001');
    await arrived('15551001');
    const lead = await predictive('SALES', '15551002');
    expect(await refused('15551002')).toMatchObject({
      rule: 'of-sales',
      campaign: 'SALES',
      extension: 'predictive',
      dialler: { kind: 'predictive', agent: null, lead, list: '777' },
    });
    await predictive('OTHER', '15551003');
    await arrived('15551003');
  });

  it('a manual call is charged to the phone of the agent who sits in the session, whatever server asks', async () => {
    await manual('15552001');
    await arrived('15552001');
    await manual('15552002');
    expect(await refused('15552002')).toMatchObject({
      ...{ rule: 'of-bert', extension: '2001', campaign: 'WARM' },
      dialler: { kind: 'manual', agent: 'bert', list: null },
    });
  });

  it('a rule for 3-way calls leaves the manual calls of the same agent alone', async () => {
    await originate('Local/8600051@default', '915552101', 'DC123456W0000004711W');
    expect(await refused('15552101')).toMatchObject({
      ...{ rule: 'no-three-way', extension: '8600051' },
      dialler: { kind: 'three-way', lead: '4711' },
    });
    await originate('Local/8600051@default', '915552102', nextCode('M').code);
    await arrived('15552102');
  });

  it('a predictive call that a rule holds is refused at once: nobody listens', async () => {
    await predictive('HELD', '15553001');
    expect(await refused('15553001')).toMatchObject({ rule: 'asked', verdict: 'block' });
    expect(await scene.ask<unknown[]>('approvals', 'list')).toEqual([]);
  });

  it('without the database calls of the dialler are refused where onFailure is block, but for emergencies, and status says so', async () => {
    await db.kill();
    await vi.waitUntil(
      async () => {
        const { parts } = await scene.ask<{ parts: { name: string; state: string }[] }>('status');
        return parts.find(({ name }) => name === 'VICIdial')?.state === 'down';
      },
      { interval: 50, timeout: 10_000 },
    );
    await originate('Local/8600051@default', '915554001', nextCode('M').code);
    expect(await refused('15554001')).toMatchObject({
      ...{ rule: null, extension: '8600051', dialler: { kind: 'manual', agent: null } },
      reason: "The dialler's records cannot be read, and vicidial.onFailure is block",
    });
    await originate('Local/8600051@default', '9911', nextCode('M').code);
    await arrived('911');
  });
});
