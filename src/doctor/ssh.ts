/** Who may log in over SSH, and how: `sshd_config` and what it includes, as sshd_config(5) says it is read. */
import { posix } from 'node:path';
import { globPattern } from './asterisk-files.ts';
import type { DoctorContext } from './context.ts';
import { findingsOf, type MachineFinding } from './finding.ts';
import type { Machine } from './machine.ts';

const { ok, warn, bad, unknown } = findingsOf('ssh');
const CONFIG = '/etc/ssh/sshd_config';
const DEEPEST = 5;

interface Setting {
  readonly key: string;
  readonly value: string;
  readonly place: string;
  /** The condition of a Match block, or undefined. */
  readonly only: string | undefined;
}

export async function examineSsh({ machine }: DoctorContext): Promise<readonly MachineFinding[]> {
  const first = await machine.read(CONFIG);
  if (first.kind === 'absent')
    return [ok('server', 'no SSH server is configured', 'what does not listen is not attacked')];
  if (first.kind === 'denied') {
    return [unknown('server', `${CONFIG} ${first.why}`, 'it says who may log in', 'run tollgate doctor as root')];
  }
  const settings: Setting[] = [];
  const unseen: string[] = [];
  await readInto(machine, CONFIG, settings, unseen, 0);
  // The first value of a key holds, for everybody; a Match block holds for some.
  const globally = (key: string): Setting | undefined =>
    settings.find((each) => each.key === key && each.only === undefined);
  const forSome = (key: string, isOpen: (value: string) => boolean): Setting | undefined =>
    settings.find((each) => each.key === key && each.only !== undefined && isOpen(each.value));
  const isYes = (value: string): boolean => value === 'yes';
  const reload = 'then: systemctl reload ssh (keep this session open and try a second one)';

  const findings: MachineFinding[] = [];
  const judge = (options: {
    readonly check: string;
    readonly keys: readonly string[];
    /** What sshd does without the key. */
    readonly standard: string;
    readonly isOpen: (value: string) => boolean;
    readonly open: string;
    readonly closed: string;
    readonly why: string;
    readonly line: string;
  }): void => {
    const { check, keys, standard, isOpen, open, closed, why, line } = options;
    const opened = keys
      .map((key) => ({ key, setting: globally(key) }))
      .find(({ setting }) => isOpen(setting?.value ?? standard));
    const some = keys.map((key) => forSome(key, isOpen)).find((each) => each !== undefined);
    const mend = `write "${line}" at the top of ${CONFIG}; ${reload}`;
    if (opened !== undefined) {
      const where =
        opened.setting === undefined ? `${opened.key} is not set, which allows it` : `${opened.setting.place}`;
      findings.push(bad(check, `${open} (${where})`, why, mend));
    } else if (some !== undefined) {
      findings.push(warn(check, `${open} for Match ${some.only} (${some.place})`, why, `see ${some.place}; ${reload}`));
    } else findings.push(ok(check, closed, why));
  };
  const usesPam = isYes(globally('usepam')?.value ?? 'no');
  judge({
    check: 'password',
    // With PAM, keyboard-interactive asks for the same password.
    keys: ['passwordauthentication', ...(usesPam ? ['kbdinteractiveauthentication'] : [])],
    standard: 'yes',
    isOpen: isYes,
    open: 'passwords are accepted over SSH',
    closed: 'SSH takes keys alone',
    why: 'passwords are guessed day and night on every address of the internet',
    line: `PasswordAuthentication no${usesPam ? '" and "KbdInteractiveAuthentication no' : ''}`,
  });
  judge({
    check: 'root',
    keys: ['permitrootlogin'],
    standard: 'prohibit-password',
    isOpen: isYes,
    open: 'root may log in over SSH with a password',
    closed: `root may not log in over SSH with a password (PermitRootLogin ${globally('permitrootlogin')?.value ?? 'prohibit-password, the default'})`,
    why: 'root is the one name that every guesser knows, and who is root did what cannot be told afterwards',
    line: 'PermitRootLogin no',
  });
  judge({
    check: 'empty-password',
    keys: ['permitemptypasswords'],
    standard: 'no',
    isOpen: isYes,
    open: 'an empty password is enough to log in',
    closed: 'an empty password does not let anybody in',
    why: 'an account without a password is open to everybody',
    line: 'PermitEmptyPasswords no',
  });
  for (const path of unseen) {
    findings.push(
      unknown('included', `${path} may not be read`, 'it may say otherwise', 'run tollgate doctor as root'),
    );
  }
  return findings;
}

async function readInto(
  machine: Machine,
  path: string,
  settings: Setting[],
  unseen: string[],
  depth: number,
): Promise<void> {
  const found = await machine.read(path);
  if (found.kind === 'denied' || depth > DEEPEST) unseen.push(path);
  if (found.kind !== 'text' || depth > DEEPEST) return;
  let only: string | undefined;
  for (const [index, raw] of found.text.split('\n').entries()) {
    const [, key = '', rest = ''] = /^\s*([A-Za-z]+)(?:\s+|\s*=\s*)(.*?)\s*$/.exec(raw) ?? [];
    const value = rest.replace(/\s+#.*$/, '').replaceAll('"', '');
    if (key.toLowerCase() === 'match') only = /^all$/i.test(value) ? undefined : value;
    else if (key.toLowerCase() === 'include') {
      for (const target of value.split(/\s+/)) {
        for (const each of await matching(machine, target)) await readInto(machine, each, settings, unseen, depth + 1);
      }
    } else if (key !== '') {
      // An old name of the same.
      const name = key.toLowerCase().replace('challengeresponseauthentication', 'kbdinteractiveauthentication');
      settings.push({ key: name, value: value.toLowerCase(), place: `${path}:${index + 1}`, only });
    }
  }
}

async function matching(machine: Machine, target: string): Promise<readonly string[]> {
  const path = posix.isAbsolute(target) ? target : posix.join('/etc/ssh', target);
  if (!/[*?]/.test(path)) return [path];
  const pattern = globPattern(posix.basename(path));
  const names = (await machine.list(posix.dirname(path))) ?? [];
  return names.filter((name) => pattern.test(name)).map((name) => posix.join(posix.dirname(path), name));
}
