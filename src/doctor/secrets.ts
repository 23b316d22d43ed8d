/**
 * Passwords that are default, short or the same as a name, and files with passwords that everybody reads: of Asterisk, of
 * what stands around it, and of Tollgate.
 *
 * Guarantees that no finding holds a password or tells its length; an account is named by its name and the line it stands in.
 */
import { type AsteriskConfig, readAsteriskConfig, valueIn } from './asterisk-files.ts';
import type { DoctorContext } from './context.ts';
import { findingsOf, type MachineFinding, several } from './finding.ts';
import type { Machine } from './machine.ts';

const { ok, warn, bad, unknown } = findingsOf('secrets');

interface Secret {
  readonly name: string;
  readonly secret: string;
  readonly place: string;
}
interface Found {
  readonly secrets: readonly Secret[];
  /** Which files were read, and how open they are. */
  readonly files: readonly { readonly path: string; readonly mode: number }[];
  readonly unseen: readonly string[];
}

const LEAST_OF_MANAGEMENT = 16;
const LEAST_OF_PHONE = 12;

/** Of the files and guides that come with Asterisk, FreePBX, Issabel, VICIdial and MariaDB, and what people type first. */
const WELL_KNOWN = new Set(
  [
    '1234 12345 123456 12345678 123456789 0000 1111 password passw0rd secret mysecret changeme admin root asterisk amp109',
  ]
    .concat(
      ['amp111 elastix456 eLaStIx.asteriskuser.2oo7 iSsAbEl.o7p jEfgFf cron custom updaterPass goautodial test phone'],
      ['letmein qwerty welcome voip sip ari freepbx issabel vicidial mark welltrix unsecurepassword'],
    )
    .flatMap((words) => words.toLowerCase().split(' ')),
);

/** Why a secret is none; undefined: nothing against it. */
export function weakness(secret: string, name: string, least: number): string | undefined {
  const lower = secret.toLowerCase();
  if (secret === '') return 'empty';
  if (WELL_KNOWN.has(lower)) return 'a well-known default';
  if (name !== '' && lower.replaceAll(name.toLowerCase(), '').length < 4 && lower.includes(name.toLowerCase()))
    return 'made of the name';
  if (secret.length < least) return `shorter than ${least} characters`;
  if (new Set(secret).size < 6) return 'made of a few characters';
  return undefined;
}

export async function examineSecrets(context: DoctorContext): Promise<readonly MachineFinding[]> {
  const { machine, asteriskEtc: etc } = context;
  const read = (name: string): Promise<AsteriskConfig> => readAsteriskConfig(machine, etc, name);
  const [manager, ari, pjsip, sip, iax, voicemail] = await Promise.all(
    ['manager.conf', 'ari.conf', 'pjsip.conf', 'sip.conf', 'iax.conf', 'voicemail.conf'].map(read),
  );
  const kinds: readonly {
    readonly check: string;
    readonly of: string;
    readonly least: number;
    readonly found: Found | undefined;
  }[] = [
    {
      check: 'manager',
      of: 'the manager interface (AMI)',
      least: LEAST_OF_MANAGEMENT,
      found: inSections(manager, 'secret'),
    },
    {
      check: 'ari',
      of: 'ARI',
      least: LEAST_OF_MANAGEMENT,
      found: inSections(ari, 'password', (value) => value('password_format') === 'crypt'),
    },
    { check: 'pjsip', of: 'PJSIP phones and trunks', least: LEAST_OF_PHONE, found: ofPjsip(pjsip) },
    {
      check: 'sip',
      of: 'chan_sip phones and trunks',
      least: LEAST_OF_PHONE,
      found: inSections(sip, 'secret', (value) => value('md5secret') !== undefined),
    },
    { check: 'iax', of: 'IAX2 peers', least: LEAST_OF_PHONE, found: inSections(iax, 'secret') },
    { check: 'vicidial', of: 'VICIdial (astguiclient.conf)', least: LEAST_OF_PHONE, found: await ofVicidial(machine) },
    { check: 'freepbx', of: 'FreePBX or Issabel', least: LEAST_OF_PHONE, found: await ofFreepbx(machine) },
    { check: 'tollgate', of: "Tollgate's own connections", least: LEAST_OF_MANAGEMENT, found: ofTollgate(context) },
  ];
  const findings = kinds.flatMap(({ check, of, least, found }) =>
    found === undefined ? [] : judged(check, of, least, found),
  );
  findings.push(...modes(kinds.flatMap(({ found }) => found?.files ?? [])), ...pins(voicemail));
  return findings;
}

const WHY = 'a guessed password is a stolen line: the bill of one weekend is five figures';
const RAISE = 'openssl rand -hex 24 makes one; write it into the file and into whatever logs in with it';

function judged(check: string, of: string, least: number, { secrets, unseen }: Found): readonly MachineFinding[] {
  const weak = secrets.flatMap(({ name, secret, place }) => {
    const problem = weakness(secret, name, least);
    return problem === undefined ? [] : [`${name} is ${problem} (${place})`];
  });
  const findings = unseen.map((path) =>
    unknown(check, `${path} may not be read: its secrets were not looked at`, WHY, 'run tollgate doctor as root'),
  );
  if (weak.length > 0)
    findings.push(
      bad(check, `${weak.length} of ${secrets.length} secrets of ${of} are weak: ${several(weak, 5)}`, WHY, RAISE),
    );
  else if (secrets.length > 0)
    findings.push(
      ok(
        check,
        `${secrets.length} ${secrets.length === 1 ? 'secret' : 'secrets'} of ${of}: none is default, short or made of a name`,
        WHY,
      ),
    );
  return findings;
}

/** Undefined where there is no such file. */
function inSections(
  config: AsteriskConfig | undefined,
  key: string,
  isHashed: (value: (key: string) => string | undefined) => boolean = () => false,
): Found | undefined {
  if (config === undefined || !config.exists) return undefined;
  const secrets = config.sections.flatMap((section) => {
    const value = (name: string): string | undefined => valueIn(section, name);
    const entry = section.entries.findLast((each) => each.key.toLowerCase() === key);
    if (entry === undefined || section.isTemplate || isHashed(value) || section.name.toLowerCase() === 'general')
      return [];
    return [{ name: section.name, secret: entry.value.trim(), place: entry.place }];
  });
  return { secrets, files: holding(config), unseen: config.unseen };
}

function ofPjsip(config: AsteriskConfig | undefined): Found | undefined {
  if (config === undefined || !config.exists) return undefined;
  const secrets = config.sections.flatMap((section) => {
    const entry = section.entries.findLast((each) => each.key.toLowerCase() === 'password');
    if (entry === undefined || section.isTemplate || valueIn(section, 'type') !== 'auth') return [];
    return [{ name: valueIn(section, 'username') ?? section.name, secret: entry.value.trim(), place: entry.place }];
  });
  return { secrets, files: holding(config), unseen: config.unseen };
}

/** Of the files that were read those with a secret in them. */
const holding = ({ files }: AsteriskConfig): Found['files'] =>
  files.filter(({ text }) => /^\s*(?:secret|password)\s*=/im.test(text)).map(({ path, mode }) => ({ path, mode }));

function ofVicidial(machine: Machine): Promise<Found | undefined> {
  return inLines(
    machine,
    '/etc/astguiclient.conf',
    /^\s*(VAR(?:DB|DB_custom|REPORT|FTP|HTTP)?_?\w*pass)\s*=>\s*(.*?)\s*$/i,
  );
}

async function ofFreepbx(machine: Machine): Promise<Found | undefined> {
  const found = await Promise.all([
    inLines(machine, '/etc/freepbx.conf', /\[["'](AMP\w*PASS)["']\]\s*=\s*["'](.*)["']\s*;/),
    inLines(machine, '/etc/amportal.conf', /^\s*(AMP\w*PASS|ARI_ADMIN_PASSWORD)\s*=\s*(.*?)\s*$/),
  ]);
  const there = found.filter((each) => each !== undefined);
  if (there.length === 0) return undefined;
  return {
    secrets: there.flatMap(({ secrets }) => secrets),
    files: there.flatMap(({ files }) => files),
    unseen: there.flatMap(({ unseen }) => unseen),
  };
}

async function inLines(machine: Machine, path: string, pattern: RegExp): Promise<Found | undefined> {
  const found = await machine.read(path);
  if (found.kind === 'absent') return undefined;
  if (found.kind === 'denied') return { secrets: [], files: [], unseen: [path] };
  const secrets = found.text.split('\n').flatMap((line, index) => {
    const [, name, secret] = pattern.exec(line) ?? [];
    return name === undefined || secret === undefined ? [] : [{ name, secret, place: `${path}:${index + 1}` }];
  });
  return { secrets, files: [{ path, mode: found.mode }], unseen: [] };
}

function ofTollgate({ config }: DoctorContext): Found | undefined {
  if ('problem' in config) return undefined;
  const place = 'tollgate.yaml';
  const secrets: Secret[] = config.asterisk.flatMap(({ name, ami, ari }) => [
    ...(ami === undefined
      ? []
      : [{ name: ami.username, secret: ami.password, place: `${place}: asterisk ${name}, ami` }]),
    ...(ari === undefined
      ? []
      : [{ name: ari.username, secret: ari.password, place: `${place}: asterisk ${name}, ari` }]),
  ]);
  if (config.redis.password !== undefined) {
    secrets.push({ name: config.redis.username ?? 'redis', secret: config.redis.password, place: `${place}: redis` });
  }
  if (config.vicidial !== undefined) {
    secrets.push({ name: config.vicidial.username, secret: config.vicidial.password, place: `${place}: vicidial` });
  }
  return { secrets, files: [], unseen: [] };
}

function modes(files: Found['files']): readonly MachineFinding[] {
  const why = 'every account of the machine, and every hole in a web page, reads what all may read';
  if (files.length === 0) return [];
  const open = [...new Set(files.filter(({ mode }) => (mode & 0o004) !== 0).map(({ path }) => path))];
  if (open.length === 0) return [ok('modes', 'no file with secrets can be read by every user', why)];
  // VICIdial's programs and web pages read theirs as other users.
  const command = `chmod 640 ${open.filter((path) => path !== '/etc/astguiclient.conf').join(' ')}`;
  return [bad('modes', `files with secrets that every user of this machine can read: ${several(open)}`, why, command)];
}

/** `1001 => 4711,Name` in every context of voicemail.conf. */
function pins(config: AsteriskConfig | undefined): readonly MachineFinding[] {
  const why = 'a mailbox with a guessed PIN forwards calls abroad on your bill';
  const notMailboxes = ['general', 'zonemessages'];
  const boxes = (config?.sections ?? [])
    .filter(({ name }) => !notMailboxes.includes(name.toLowerCase()))
    .flatMap(({ entries }) => entries.filter(({ key }) => /^\d+$/.test(key)));
  if (boxes.length === 0) return [];
  const weak = boxes.filter(({ key, value }) => {
    const pin = value.split(',')[0]?.trim().replace(/^-/, '') ?? '';
    return pin.length < 4 || pin === key || WELL_KNOWN.has(pin) || new Set(pin).size === 1;
  });
  return weak.length === 0
    ? [ok('voicemail', `${boxes.length} mailboxes: no PIN is the mailbox itself, short, or 1234`, why)]
    : [
        warn(
          'voicemail',
          `${weak.length} of ${boxes.length} mailboxes have a PIN that is guessed at once: ${several(weak.map(({ key }) => key))}`,
          why,
          `change them in ${weak[0]?.place ?? 'voicemail.conf'}, or by the phones' menu`,
        ),
      ];
}
