/** People and programs that may log in: how old what they log in with is, second factors, and accounts without a password. */
import { readAsteriskConfig } from './asterisk-files.ts';
import { CREDENTIAL_MAX_DAYS, DAY_MS, type DoctorContext } from './context.ts';
import { findingsOf, type MachineFinding, several } from './finding.ts';

const { ok, warn, bad, unknown } = findingsOf('accounts');

const WHY_AGE = 'what was copied, mailed or left with somebody who left goes on working until it is changed';

export async function examineAccounts(context: DoctorContext): Promise<readonly MachineFinding[]> {
  const families = await Promise.all([ofSystem(context), ofFiles(context), ofPeople(context), ofKeys(context)]);
  return families.flat();
}

async function ofSystem({ machine }: DoctorContext): Promise<readonly MachineFinding[]> {
  const findings: MachineFinding[] = [];
  const passwd = await machine.read('/etc/passwd');
  if (passwd.kind === 'text') {
    const others = passwd.text.split('\n').flatMap((line) => {
      const [name = '', , uid] = line.split(':');
      return uid === '0' && name !== 'root' ? [name] : [];
    });
    const why = 'an account with the number 0 is root under another name';
    findings.push(
      others.length === 0
        ? ok('roots', 'root is the only account with the rights of root', why)
        : bad(
            'roots',
            `accounts that are root under another name: ${several(others)}`,
            why,
            `userdel ${others.join(' ')}, or give them a number of their own`,
          ),
    );
  }
  const shadow = await machine.read('/etc/shadow');
  if (shadow.kind !== 'text') {
    if (shadow.kind === 'denied')
      findings.push(unknown('passwords', '/etc/shadow may not be read', WHY_AGE, 'run tollgate doctor as root'));
    return findings;
  }
  const accounts = shadow.text.split('\n').flatMap((line) => {
    const [name = '', hash, changed = ''] = line.split(':');
    return name === '' || hash === undefined || /^[!*]/.test(hash)
      ? []
      : [{ name, hash, days: ageInDays(machine.now(), Number(changed) * DAY_MS) }];
  });
  const empty = accounts.filter(({ hash }) => hash === '').map(({ name }) => name);
  if (empty.length > 0) {
    findings.push(
      bad(
        'empty-passwords',
        `accounts without a password: ${several(empty)}`,
        'anybody is let in',
        `passwd --lock ${empty[0]}`,
      ),
    );
  }
  findings.push(
    judgedAge(
      'passwords',
      'passwords of this machine',
      accounts.filter(({ hash }) => hash !== ''),
      (name) => `passwd ${name}, or passwd --lock ${name}`,
    ),
  );
  return findings;
}

/** A secret in a file is at least as old as the file. */
async function ofFiles({ machine, asteriskEtc: etc }: DoctorContext): Promise<readonly MachineFinding[]> {
  const configs = await Promise.all(
    ['manager.conf', 'ari.conf', 'pjsip.conf', 'sip.conf', 'iax.conf'].map((name) =>
      readAsteriskConfig(machine, etc, name),
    ),
  );
  const files = configs
    .flatMap((config) => config.files)
    .filter(({ text }) => /^\s*(?:secret|password)\s*=\s*\S/im.test(text));
  if (files.length === 0) return [];
  const old = files
    .map(({ path, modifiedAt }) => ({ path, days: ageInDays(machine.now(), modifiedAt) }))
    .filter(({ days }) => days > CREDENTIAL_MAX_DAYS);
  const [first] = old;
  if (first === undefined) {
    return [
      ok(
        'secrets',
        `every file of Asterisk with secrets was written within ${CREDENTIAL_MAX_DAYS} days, which is the least age of what is in it`,
        WHY_AGE,
      ),
    ];
  }
  const listed = several(old.map(({ path, days }) => `${path} (${days} days)`));
  return [
    warn(
      'secrets',
      `secrets of Asterisk are older than six months: ${listed}`,
      WHY_AGE,
      `change the secrets in ${first.path}, and in what logs in with them`,
    ),
  ];
}

async function ofPeople({ machine, daemon }: DoctorContext): Promise<readonly MachineFinding[]> {
  const why = 'a password alone is phished or found in a list of another site';
  if (daemon === undefined) return [];
  const users = await daemon.users().catch(() => undefined);
  if (users === undefined)
    return [unknown('users', 'the daemon could not be asked for its users', why, 'tollgate status')];
  const enabled = users.filter((user) => user.enabled);
  const without = enabled
    .filter(({ roles, secondFactor }) => roles.includes('owner') && !secondFactor)
    .map(({ name }) => name);
  const aged = enabled.map(({ name, passwordChangedAt }) => ({
    name,
    days: ageInDays(machine.now(), Date.parse(passwordChangedAt)),
  }));
  return [
    without.length === 0
      ? ok('second-factor', 'every owner has a second factor', why)
      : warn(
          'second-factor',
          `owners of Tollgate without a second factor: ${several(without)}`,
          why,
          'each of them logs in on the page, which asks for it',
        ),
    judgedAge('users', 'passwords of users of Tollgate', aged, (name) => `tollgate users set ${name} --new-password`),
  ];
}

async function ofKeys({ machine, daemon }: DoctorContext): Promise<readonly MachineFinding[]> {
  const keys = await daemon?.keys().catch(() => undefined);
  if (keys === undefined) return [];
  const now = machine.now();
  const inUse = keys.filter(({ expiresAt }) => expiresAt === null || Date.parse(expiresAt) > now);
  const aged = inUse.map(({ name, id, createdAt }) => ({
    name: `${name} (${id})`,
    id,
    days: ageInDays(now, Date.parse(createdAt)),
  }));
  return [
    judgedAge(
      'keys',
      'API keys',
      aged,
      () =>
        `tollgate keys add NAME, give it to the program, then tollgate keys remove ${aged.find(({ days }) => days > CREDENTIAL_MAX_DAYS)?.id ?? 'ID'}`,
    ),
  ];
}

const ageInDays = (now: number, at: number): number => Math.max(0, Math.floor((now - at) / DAY_MS));

function judgedAge(
  check: string,
  of: string,
  accounts: readonly { readonly name: string; readonly days: number }[],
  command: (name: string) => string,
): MachineFinding {
  const old = accounts.filter(({ days }) => days > CREDENTIAL_MAX_DAYS);
  const [first] = old;
  if (accounts.length === 0) return ok(check, `there are no ${of}`, WHY_AGE);
  if (first === undefined) return ok(check, `${accounts.length} ${of}: none is older than six months`, WHY_AGE);
  const listed = several(old.map(({ name, days }) => `${name} (${days} days)`));
  return warn(check, `${of} older than six months: ${listed}`, WHY_AGE, command(first.name));
}
