/** The doctor of the machine on roots made for it: what is bad is found and told with its place, what is good is left alone. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { DaemonView } from '../../../src/doctor/context.ts';
import { weakness } from '../../../src/doctor/secrets.ts';
import { examineRoot, findingOf, levels, NOW } from '../../support/machine-root.ts';

const GOOD = 'k3Jv8-Qw1zR5-tY7pL0-cX2m';
const never = (): Promise<never> => Promise.reject(new Error('nobody is there'));
const daemon: DaemonView = {
  parts: never,
  portalPorts: never,
  users: never,
  keys: never,
  emergencyNumbers: never,
};

describe('SSH', () => {
  const examine = (config: string, more: Readonly<Record<string, string>> = {}) =>
    examineRoot({ 'etc/ssh/sshd_config': config, ...more }, ['ssh']);

  test('as it comes takes passwords; the missing line is said to allow it', async () => {
    const findings = await examine('#PasswordAuthentication no\n');
    expect(levels(findings)).toEqual({ password: 'bad', root: 'ok', 'empty-password': 'ok' });
    expect(findingOf(findings, 'password')).toMatchObject({
      what: 'passwords are accepted over SSH (passwordauthentication is not set, which allows it)',
      command: expect.stringContaining('PasswordAuthentication no'),
    });
  });

  test('takes the first value of a key, also from an included file that stands above it', async () => {
    const above = 'Include /etc/ssh/sshd_config.d/*.conf\nPasswordAuthentication yes\nPermitRootLogin yes\n';
    const included = { 'etc/ssh/sshd_config.d/10-site.conf': 'PasswordAuthentication no\nPermitRootLogin no\n' };
    expect(levels(await examine(above, included))).toMatchObject({ password: 'ok', root: 'ok' });
    const below = 'PermitRootLogin yes\nInclude sshd_config.d/*.conf\n';
    expect(levels(await examine(below, included))).toMatchObject({ password: 'ok', root: 'bad' });
  });

  test('with PAM asks for the same password by another name', async () => {
    const findings = await examine('UsePAM yes\nPasswordAuthentication no\n');
    expect(findingOf(findings, 'password')).toMatchObject({
      level: 'bad',
      what: expect.stringContaining('kbdinteractive'),
    });
    const closed = await examine('UsePAM yes\nPasswordAuthentication no\nChallengeResponseAuthentication no\n');
    expect(findingOf(closed, 'password').level).toBe('ok');
  });

  test('open for some alone is a warning that names the condition', async () => {
    const findings = await examine(
      'PasswordAuthentication no\nPermitEmptyPasswords yes\nMatch User backup\n  PasswordAuthentication yes\n',
    );
    expect(levels(findings)).toEqual({ password: 'warn', root: 'ok', 'empty-password': 'bad' });
    expect(findingOf(findings, 'password').what).toContain('for Match User backup (/etc/ssh/sshd_config:4)');
  });
});

describe('open ports', () => {
  const row = (address: string, port: number, state: string): string =>
    `   0: ${address}:${port.toString(16).toUpperCase().padStart(4, '0')} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000  0 0 1 1\n`;
  const HEAD = '  sl  local_address rem_address   st\n';
  const ANY = '00000000';
  const HERE = '0100007F';
  const root = (tcp: string, udp = '') => ({
    'proc/net/tcp': HEAD + tcp,
    'proc/net/udp': HEAD + udp,
    'proc/net/tcp6': `${HEAD}   0: 00000000000000000000000000000000:0CEA 00000000000000000000000000000000:0000 0A 0 0 0\n   1: 00000000000000000000000001000000:18EB 00000000000000000000000000000000:0000 0A 0 0 0\n`,
  });

  test('of management and databases are bad when they face other machines, and fine on this host', async () => {
    const findings = await examineRoot(root(row(ANY, 5038, '0A') + row(HERE, 6379, '0A') + row(ANY, 23, '0A')), [
      'ports',
    ]);
    expect(levels(findings)).toEqual({ management: 'bad', database: 'bad', unsafe: 'bad', unexpected: 'ok' });
    expect(findingOf(findings, 'management').what).toBe(
      'management ports can be reached from other machines: tcp/5038',
    );
    // By IPv6 alone; the one on ::1 is not told.
    expect(findingOf(findings, 'database').what).toBe('databases can be reached from other machines: tcp/3306');
  });

  test('of calls, media and people are expected, others named; connections and answers are no listeners', async () => {
    const tcp = row(ANY, 22, '0A') + row(ANY, 443, '0A') + row(ANY, 7777, '0A') + row(ANY, 8888, '01');
    const udp = row(ANY, 5060, '07') + row(ANY, 11_000, '07') + row(ANY, 12_500, '07') + row(ANY, 40_000, '07');
    const findings = await examineRoot(
      { ...root(tcp, udp), 'etc/asterisk/rtp.conf': '[general]\nrtpstart=10000\nrtpend=12000\n' },
      ['ports'],
    );
    expect(findingOf(findings, 'unexpected')).toMatchObject({
      level: 'warn',
      what: 'ports that a telephone system does not need: tcp/7777, udp/12500',
    });
  });

  test('that the portal closes are not open', async () => {
    const portal = { ...daemon, portalPorts: async () => ['tcp/5038', 'tcp/3306'] };
    const findings = await examineRoot(root(row(ANY, 5038, '0A')), ['ports'], { daemon: portal });
    expect(levels(findings)).toMatchObject({ management: 'ok', database: 'ok', 'default-deny': 'ok' });
    const off = await examineRoot(root(''), ['ports'], { daemon: { ...daemon, portalPorts: async () => undefined } });
    expect(findingOf(off, 'default-deny').level).toBe('warn');
    expect(findingOf(await examineRoot(root(''), ['ports'], { daemon }), 'default-deny').level).toBe('unknown');
  });

  test('that cannot be seen are unknown', async () => {
    expect(levels(await examineRoot({}, ['ports']))).toEqual({ listening: 'unknown' });
  });
});

describe('secrets', () => {
  test('that are default, short, made of the name, or of a few characters are told by name and place, never themselves', async () => {
    const weak = ['amp111', 'x7Kq2', 'dialler99', 'aaaaaaaaaaaaaaaaab'] as const;
    const users = ['cron', 'short', 'dialler', 'same'];
    const findings = await examineRoot(
      {
        'etc/asterisk/manager.conf': `[general]\nenabled=yes\n${users.map((name, index) => `[${name}]\nsecret = ${weak[index]}\n`).join('')}[good]\nsecret = ${GOOD}\n`,
        'etc/asterisk/pjsip.conf':
          '[t](!)\ntype=auth\nauth_type=userpass\npassword=1234\n[1001](t)\nusername=1001\n[1002]\ntype=auth\npassword=1002\n',
        'etc/asterisk/ari.conf': '[web]\ntype=user\npassword=$6$abc\npassword_format=crypt\n',
        'etc/asterisk/sip.conf': `[general]\n[2001]\nmd5secret=abc\n[2002]\nsecret=\n`,
        'etc/asterisk/voicemail.conf': '[general]\nformat=wav\n[default]\n1001 => 1001,Ann\n1002 => 48151,Bob\n',
        'etc/astguiclient.conf': 'VARserver_ip => 10.0.0.1\nVARDB_user => cron\nVARDB_pass => 1234\n',
        'etc/freepbx.conf': `<?php\n$amp_conf["AMPDBPASS"] = "${GOOD}";\n`,
      },
      ['secrets'],
    );
    expect(levels(findings)).toEqual({
      ...{ manager: 'bad', pjsip: 'bad', sip: 'bad', vicidial: 'bad', freepbx: 'ok', voicemail: 'warn', modes: 'ok' },
    });
    expect(findingOf(findings, 'manager').what).toMatch(
      /^4 of 5 secrets .*: cron is a well-known default \(\/etc\/asterisk\/manager\.conf:4\), short is shorter than 16 characters .*, dialler is made of the name .*, same is made of a few characters/,
    );
    // Of the template the one that uses it, and no hash of ARI or chan_sip.
    expect(findingOf(findings, 'pjsip').what).toContain('2 of 2 secrets');
    expect(findingOf(findings, 'sip').what).toContain('1 of 1 secrets');
    expect(findingOf(findings, 'voicemail').what).toContain('1 of 2 mailboxes');
    const told = JSON.stringify(findings);
    for (const secret of [...weak, GOOD, '48151', '$6$abc']) expect(told).not.toContain(secret);
  });

  test('in files that every user can read are told by file', async () => {
    const manager = { text: `[general]\n[a]\nsecret=${GOOD}\n`, mode: 0o644 };
    const findings = await examineRoot(
      { 'etc/asterisk/manager.conf': manager, 'etc/asterisk/sip.conf': { text: '[general]\n', mode: 0o644 } },
      ['secrets'],
    );
    expect(findingOf(findings, 'modes')).toMatchObject({
      level: 'bad',
      command: 'chmod 640 /etc/asterisk/manager.conf',
    });
  });

  test('are judged alike whoever wrote the name in capitals', () => {
    expect(weakness('Dialler2026', 'dialler', 8)).toBeUndefined();
    expect(weakness('DIALLER1', 'dialler', 4)).toBe('made of the name');
    expect(weakness('', 'x', 1)).toBe('empty');
    expect(weakness(GOOD, '', 16)).toBeUndefined();
  });
});

describe('accounts', () => {
  const day = Math.floor(NOW / 86_400_000);
  test('with an old password, none at all, or the rights of root are told; locked ones are not', async () => {
    const findings = await examineRoot(
      {
        'etc/passwd': 'root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\nanna:x:1000:1000::/:/bin/sh\n',
        'etc/shadow': `root:$y$hash:${day - 200}:0:::::\nanna:$y$hash:${day - 10}:0:::::\nguest::${day}:0:::::\nwww:*:1:0:::::\nold:!$y$x:1:0:::::\n`,
        'etc/asterisk/manager.conf': { text: `[a]\nsecret=${GOOD}\n`, ageDays: 400 },
      },
      ['accounts'],
    );
    expect(levels(findings)).toEqual({ roots: 'bad', 'empty-passwords': 'bad', passwords: 'warn', secrets: 'warn' });
    expect(findingOf(findings, 'passwords').what).toBe(
      'passwords of this machine older than six months: root (200 days)',
    );
    expect(findingOf(findings, 'secrets').what).toContain('/etc/asterisk/manager.conf (400 days)');
  });

  test('of Tollgate are judged by their age, and owners by their second factor', async () => {
    const at = (days: number): string => new Date(NOW - days * 86_400_000).toISOString();
    const people: DaemonView = {
      ...daemon,
      users: async () => [
        { name: 'owner', roles: ['owner'], enabled: true, secondFactor: false, passwordChangedAt: at(3) },
        { name: 'gone', roles: ['viewer'], enabled: false, secondFactor: false, passwordChangedAt: at(900) },
      ],
      keys: async () => [
        { id: 'aa', name: 'grafana', createdAt: at(190), expiresAt: null },
        { id: 'bb', name: 'over', createdAt: at(500), expiresAt: at(2) },
      ],
    };
    const findings = await examineRoot({}, ['accounts'], { daemon: people });
    expect(levels(findings)).toEqual({ 'second-factor': 'warn', users: 'ok', keys: 'warn' });
    expect(findingOf(findings, 'keys').what).toBe('API keys older than six months: grafana (aa) (190 days)');
  });
});

describe('certificates', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-certificate-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const about = ['-subj', '/CN=pbx.example.com', '-days', '365'];
  execFileSync('openssl', ['req', '-x509', ...curve, '-keyout', key, '-out', cert, ...about], { stdio: 'ignore' });
  const pem = readFileSync(cert, 'utf8');
  const withKey = `${readFileSync(key, 'utf8')}${pem}`;
  rmSync(folder, { recursive: true });

  test('of Asterisk, web servers and Let’s Encrypt are found, and an open key is told apart from them', async () => {
    const files = {
      'etc/asterisk/http.conf': '[general]\nenabled=yes\ntlscertfile=/etc/ssl/pbx.pem\n',
      'etc/asterisk/pjsip.conf': '[tls]\ntype=transport\ncert_file=keys/asterisk.pem\n',
      'etc/apache2/sites-enabled/a.conf': '<VirtualHost>\n  SSLCertificateFile /etc/ssl/lost.pem\n',
      'etc/ssl/pbx.pem': pem,
      'etc/asterisk/keys/asterisk.pem': { text: withKey, mode: 0o644 },
      'etc/letsencrypt/live/a.example.com/fullchain.pem': 'nonsense',
    };
    expect(levels(await examineRoot(files, ['certificates'], { now: Date.now() }))).toEqual({
      '/etc/ssl/pbx.pem': 'ok',
      '/etc/asterisk/keys/asterisk.pem': 'ok',
      '/etc/asterisk/keys/asterisk.pem key': 'bad',
      '/etc/ssl/lost.pem': 'bad',
      '/etc/letsencrypt/live/a.example.com/fullchain.pem': 'unknown',
    });
  });

  test.each([
    [-2, 'bad', 'is not valid yet'],
    [1, 'ok', 'is good for 36'],
    [340, 'warn', 'ends in 24 days'],
    [360, 'bad', 'ends in 4 days'],
    [370, 'bad', 'is over since'],
  ])('%i days after it was made one of a year is %s', async (days, level, what) => {
    const files = { 'etc/letsencrypt/live/a/fullchain.pem': pem };
    const [finding] = await examineRoot(files, ['certificates'], { now: Date.now() + days * 86_400_000 });
    expect(finding).toMatchObject({ level, what: expect.stringContaining(what) });
  });
});

describe('Asterisk', () => {
  const main = { 'etc/asterisk/asterisk.conf': '[options]\n' };

  test('whose managers and web server face the world is told so, with who may log in from everywhere', async () => {
    const findings = await examineRoot(
      {
        'etc/asterisk/asterisk.conf': '[options]\nlive_dangerously = yes\n',
        'etc/asterisk/manager.conf':
          '[general]\nenabled = yes\nbindaddr = 0.0.0.0\nwebenabled = yes\n[a]\nsecret=x\npermit=127.0.0.1/255.255.255.255\nwrite = all\n[b]\nsecret=x\ndeny=0.0.0.0/0.0.0.0\npermit=127.0.0.1/255.255.255.0\nwrite=call\n[c]\ndeny=0.0.0.0/0\npermit=0.0.0.0/0.0.0.0\n',
        'etc/asterisk/http.conf': '[general]\nenabled=yes\nbindaddr=0.0.0.0\n',
        'etc/asterisk/ari.conf': '[general]\nenabled=yes\nallowed_origins=*\n',
      },
      ['asterisk'],
    );
    expect(levels(findings)).toMatchObject({
      ...{ 'live-dangerously': 'bad', manager: 'bad', 'manager-addresses': 'bad', 'manager-rights': 'warn' },
      ...{ 'manager-web': 'warn', http: 'bad', 'ari-origins': 'warn' },
    });
    // A permit without a deny lets everybody in, and so does one behind it.
    expect(findingOf(findings, 'manager-addresses').what).toMatch(/: a, c$/);
    expect(findingOf(findings, 'manager-rights').what).toMatch(/: a$/);
  });

  test('that takes calls of strangers over chan_sip is told so, by default as well', async () => {
    const files = (general: string) => ({
      ...main,
      'etc/asterisk/sip.conf': `[general]\n${general}\n[1001]\nhost=dynamic\nsecret=x\ninsecure=port,invite\n[1002]\nhost=dynamic\n[carrier]\nhost=192.0.2.1\ninsecure=invite\n`,
    });
    const findings = await examineRoot(files('alwaysauthreject=no'), ['asterisk']);
    expect(levels(findings)).toMatchObject({ 'sip-guests': 'bad', 'sip-reject': 'bad', 'sip-no-password': 'bad' });
    expect(findingOf(findings, 'sip-no-password').what).toMatch(/: 1001, 1002$/);
    expect(levels(await examineRoot(files('allowguest=no'), ['asterisk']))).toMatchObject({
      'sip-guests': 'ok',
      'sip-reject': 'ok',
    });
  });

  test('whose PJSIP lets in who sends a packet, or registers without a password, is told which endpoint', async () => {
    const pjsip = `[anonymous]\ntype=endpoint\ncontext=public\n[wide]\ntype=identify\nendpoint=wide\nmatch=192.0.2.1,0.0.0.0/0\n
[1001]\ntype=endpoint\naors=1001\n[1001]\ntype=aor\nmax_contacts=1\n[1002]\ntype=endpoint\nauth=1002\naors=1002\n[1002]\ntype=aor\nmax_contacts=1\n
[carrier]\ntype=endpoint\naors=carrier\n[carrier]\ntype=aor\ncontact=sip:192.0.2.9\n`;
    const findings = await examineRoot({ ...main, 'etc/asterisk/pjsip.conf': pjsip }, ['asterisk']);
    expect(levels(findings)).toMatchObject({
      'pjsip-guests': 'warn',
      'pjsip-identify': 'bad',
      'pjsip-no-password': 'bad',
    });
    expect(findingOf(findings, 'pjsip-guests').what).toContain('into context public');
    expect(findingOf(findings, 'pjsip-no-password').what).toMatch(/: 1001$/);
  });

  test('with guests over IAX2 or a DISA without a password is told so', async () => {
    const findings = await examineRoot(
      {
        ...main,
        'etc/asterisk/iax.conf':
          '[general]\n[guest]\ntype=user\ncontext=public\n[b]\ntype=friend\nsecret=x\nrequirecalltoken=no\n',
        'etc/asterisk/extensions.conf': '[in]\nexten => 900,1,DISA(no-password,out)\n',
      },
      ['asterisk'],
    );
    expect(levels(findings)).toMatchObject({ 'iax-token': 'bad', 'iax-no-password': 'bad', disa: 'bad' });
  });

  test('set up with care has nothing against it', async () => {
    const findings = await examineRoot(
      {
        ...main,
        'etc/asterisk/manager.conf': `[general]\nenabled=yes\nbindaddr=127.0.0.1\n[tollgate]\nsecret=${GOOD}\ndeny=0.0.0.0/0.0.0.0\npermit=127.0.0.1/255.255.255.255\nwrite=system,call\n`,
        'etc/asterisk/http.conf': '[general]\nenabled=yes\nbindaddr=127.0.0.1\n',
        'etc/asterisk/sip.conf': '[general]\nallowguest=no\n',
        'etc/asterisk/iax.conf': `[general]\n[peer]\ntype=friend\nsecret=${GOOD}\n`,
        'etc/asterisk/pjsip.conf': '[1001]\ntype=endpoint\nauth=1001\naors=1001\n',
      },
      ['asterisk'],
    );
    expect(findings.filter(({ level }) => level !== 'ok')).toEqual([]);
  });
});

describe('the dialplan', () => {
  const include = '#include tollgate.conf\n';
  const context = { 'etc/asterisk/tollgate.conf': '[tollgate]\nexten => gate,1,Return()\n' };
  const examine = (text: string, more: Readonly<Record<string, string>> = {}, view?: DaemonView) =>
    examineRoot(
      { 'etc/asterisk/extensions.conf': text, ...more },
      ['dialplan'],
      view === undefined ? {} : { daemon: view },
    );

  test('without the context, or with an include that leads nowhere, is bad', async () => {
    expect(levels(await examine('[out]\n'))).toEqual({ included: 'bad' });
    expect(findingOf(await examine(include), 'included').what).toContain('tollgate.conf, which is not there');
  });

  test('in which nobody asks is bad, and a trunk that is dialled unasked is named', async () => {
    const nobody = await examine(
      `${include}[out]\nexten => _9.,1,Dial(PJSIP/\${EXTEN:1}@carrier-a)\nexten => 1001,1,Dial(PJSIP/1001)\n`,
      context,
    );
    expect(levels(nobody)).toMatchObject({ included: 'ok', asks: 'bad', past: 'warn' });
    expect(findingOf(nobody, 'past').what).toContain('[out] _9. (/etc/asterisk/extensions.conf:3)');
    const asked = `${include}[out]\nexten => _9.,1,Gosub(tollgate,gate,1(\${EXTEN:1},carrier-a))\n same => n,Dial(SIP/carrier-a/\${EXTEN:1})\n`;
    expect(levels(await examine(asked, context))).toMatchObject({ included: 'ok', asks: 'ok', past: 'ok' });
    // What another extension of the context asks is nothing to this one.
    const beside = `${asked}exten => _8.,1,Dial(SIP/\${EXTEN:1}@carrier-b)\n`;
    expect(findingOf(await examine(beside, context), 'past').what).toContain('[out] _8. ');
    expect(
      levels(
        await examine(include, { ...context, 'etc/asterisk/extensions.lua': 'app.gosub("tollgate,gate,1(1,2)")' }),
      ),
    ).toMatchObject({ asks: 'ok' });
  });

  test('whose list of emergency numbers lacks one of the policy is bad where failures block', async () => {
    const view = { ...daemon, emergencyNumbers: async () => ['911', '112'] };
    const globals = (onFailure: string) =>
      `[globals]\nTOLLGATE_EMERGENCY = 911\nTOLLGATE_ON_FAILURE = ${onFailure}\n${include}`;
    expect(levels(await examine(globals('block'), context, view))).toMatchObject({
      emergency: 'bad',
      'on-failure': 'ok',
    });
    expect(levels(await examine(globals('allow'), context, view))).toMatchObject({ emergency: 'warn' });
    expect(levels(await examine(globals('deny'), context, view))).toMatchObject({ 'on-failure': 'warn' });
  });

  test('of FreePBX is told what its hook cannot see', async () => {
    const freepbx = `${include}[macro-dialout-trunk-predial-hook]\nexten => s,1,Gosub(tollgate-freepbx,gate,1)\n#include extensions_additional.conf\n`;
    const additional =
      '[globals]\nOUT_1 = PJSIP\nOUT_2 = ENUM\n[macro-dialout-trunk]\nexten => s,1,NoOp()\n[macro-dialout-trunk-predial-hook]\nexten => s,1,Return()\n[ext-trunk]\nexten => 1,1,Set(OUTBOUND_GROUP=OUT_1)\n';
    const findings = await examine(freepbx, { ...context, 'etc/asterisk/extensions_additional.conf': additional });
    expect(levels(findings)).toMatchObject({
      asks: 'ok',
      'freepbx-hook': 'ok',
      'freepbx-enum': 'warn',
      'freepbx-ext-trunk': 'warn',
    });
    const theirs = await examine(`${include}#include extensions_additional.conf\n`, {
      ...context,
      'etc/asterisk/extensions_additional.conf': additional,
    });
    expect(levels(theirs)).toMatchObject({ asks: 'bad', 'freepbx-hook': 'bad' });
  });
});

describe('every finding', () => {
  test('that is not in order says why it matters and what mends it, and has a name of its own', async () => {
    const findings = await examineRoot(
      {
        'etc/ssh/sshd_config': 'PermitRootLogin yes\n',
        'etc/asterisk/asterisk.conf': '[options]\n',
        'etc/asterisk/manager.conf': '[general]\nenabled=yes\n[cron]\nsecret=1234\nwrite=all\n',
        'etc/asterisk/sip.conf': '[general]\n[1]\nhost=dynamic\n',
        'etc/asterisk/extensions.conf': '[out]\n',
        'etc/shadow': 'a::1:::::\n',
        'run/reboot-required': '',
        'var/lib/dpkg/status': '',
      },
      ['updates', 'ssh', 'ports', 'secrets', 'accounts', 'certificates', 'asterisk', 'dialplan', 'connections'],
    );
    const trouble = findings.filter(({ level }) => level !== 'ok');
    expect(trouble.length).toBeGreaterThan(10);
    expect(trouble.filter(({ why, command }) => why === '' || command === '')).toEqual([]);
    const names = findings.map(({ family, check }) => `${family} ${check}`);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });
});
