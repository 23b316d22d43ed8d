/**
 * Options of Asterisk that let strangers in, or let those who are in do more than they should.
 *
 * The defaults are those of the sources of Asterisk 16 to 22 (chan_sip.c, manager.c, http.c, chan_iax2.c, res_pjsip).
 */
import {
  type AsteriskConfig,
  type AsteriskSection,
  isBoundToLoopback,
  isNo,
  isYes,
  readAsteriskConfig,
  sectionNamed,
  valueIn,
} from './asterisk-files.ts';
import type { DoctorContext } from './context.ts';
import { findingsOf, type MachineFinding, several } from './finding.ts';

const { ok, warn, bad, unknown } = findingsOf('asterisk');

const reload = (command: string): string => `; then: asterisk -rx '${command}'`;

export async function examineAsterisk({
  machine,
  asteriskEtc: etc,
}: DoctorContext): Promise<readonly MachineFinding[]> {
  const read = (name: string): Promise<AsteriskConfig> => readAsteriskConfig(machine, etc, name);
  const [main, manager, http, ari, sip, pjsip, iax, extensions] = await Promise.all([
    read('asterisk.conf'),
    read('manager.conf'),
    read('http.conf'),
    read('ari.conf'),
    read('sip.conf'),
    read('pjsip.conf'),
    read('iax.conf'),
    read('extensions.conf'),
  ]);
  if (!main.exists && !extensions.exists) {
    const why = 'where no Asterisk is configured there is nothing to judge';
    return [ok('installed', `there is no Asterisk configured in ${etc}`, why)];
  }
  const all = [main, manager, http, ari, sip, pjsip, iax, extensions];
  const unseen = [...new Set(all.flatMap((config) => config.unseen))];
  const running = (await machine.run('ps', '-C', 'asterisk', '-o', 'user='))?.out
    .split(/\s+/)
    .filter((name) => name !== '');
  return [
    ...ofProcess(main, running ?? []),
    ...ofManager(manager),
    ...ofHttp(http, ari),
    ...(sip.exists ? ofChanSip(sip) : []),
    ...(pjsip.exists ? ofPjsip(pjsip) : []),
    ...(iax.exists ? ofIax(iax) : []),
    ...ofDialplan(extensions),
    ...(unseen.length === 0
      ? []
      : [
          unknown(
            'unseen',
            `not looked at: ${several(unseen)}`,
            'what is not read may hold anything',
            'run tollgate doctor as root',
          ),
        ]),
  ];
}

function ofProcess(main: AsteriskConfig, running: readonly string[]): readonly MachineFinding[] {
  const options = sectionNamed(main, 'options');
  const whyRoot = 'a hole in Asterisk is then a hole in the whole machine';
  const whyLive = 'with it, whoever may set a variable over AMI or from a phone runs programs of this machine';
  return [
    running.includes('root')
      ? warn(
          'user',
          'Asterisk runs as root',
          whyRoot,
          'asterisk.conf: runuser = asterisk, rungroup = asterisk, and give it its folders',
        )
      : ok(
          'user',
          running.length === 0 ? 'Asterisk does not run here as root' : `Asterisk runs as ${running[0]}`,
          whyRoot,
        ),
    isYes(valueIn(options, 'live_dangerously'))
      ? bad(
          'live-dangerously',
          'live_dangerously is on',
          whyLive,
          `asterisk.conf: live_dangerously = no; then restart Asterisk in a quiet hour`,
        )
      : ok('live-dangerously', 'live_dangerously is off', whyLive),
  ];
}

const ANYWHERE = /^(?:0\.0\.0\.0(?:\/0(?:\.0\.0\.0)?)?|::(?:\/0)?)$/;
const POWERFUL = ['all', 'command', 'config', 'originate', 'system'];

function ofManager(manager: AsteriskConfig): readonly MachineFinding[] {
  const general = sectionNamed(manager, 'general');
  const why = 'whoever logs in there places calls, reads every call, and often runs programs';
  if (!isYes(valueIn(general, 'enabled'))) return [ok('manager', 'the manager interface is off', why)];
  const users = manager.sections.filter(({ name, isTemplate }) => name.toLowerCase() !== 'general' && !isTemplate);
  const isOpen = !isBoundToLoopback(valueIn(general, 'bindaddr'));
  const free = users.filter((user) => !isRestricted(user)).map(({ name }) => name);
  const mend = `manager.conf, in each: deny = 0.0.0.0/0.0.0.0 and permit = 127.0.0.1/255.255.255.255${reload('manager reload')}`;
  const findings: MachineFinding[] = [];
  if (isOpen) {
    const level = free.length > 0 ? bad : warn;
    const then = free.length > 0 ? '' : ', though each user is restricted by address';
    findings.push(
      level(
        'manager',
        `the manager interface listens on ${valueIn(general, 'bindaddr') ?? 'every address (no bindaddr)'}${then}`,
        why,
        `manager.conf: bindaddr = 127.0.0.1${reload('manager reload')}`,
      ),
    );
  } else findings.push(ok('manager', 'the manager interface listens on this host alone', why));
  if (free.length > 0) {
    findings.push(
      (isOpen ? bad : warn)(
        'manager-addresses',
        `users of the manager interface may log in from every address: ${several(free)}`,
        why,
        mend,
      ),
    );
  } else if (users.length > 0)
    findings.push(ok('manager-addresses', 'each user of the manager interface is restricted by address', why));
  const mighty = users
    .filter((user) => POWERFUL.slice(0, 3).some((word) => classes(user, 'write').includes(word)))
    .map(({ name }) => name);
  if (mighty.length > 0) {
    const what = `users of the manager interface who may run any command or change files: ${several(mighty)}`;
    findings.push(
      warn(
        'manager-rights',
        what,
        'a program needs what it uses; the rest is for whoever steals its password',
        `manager.conf: write = call,originate for a dialler; for Tollgate write = system,call${reload('manager reload')}`,
      ),
    );
  }
  if (isYes(valueIn(general, 'webenabled'))) {
    findings.push(
      warn(
        'manager-web',
        'the manager interface is on the web port as well (webenabled)',
        why,
        `manager.conf: webenabled = no${reload('manager reload')}`,
      ),
    );
  }
  return findings;
}

const classes = (user: AsteriskSection, key: string): readonly string[] =>
  user.entries
    .filter((entry) => entry.key.toLowerCase() === key)
    .flatMap(({ value }) => value.split(','))
    .map((word) => word.trim().toLowerCase());

/** An ACL begins with everybody let in, and its last matching line holds: a permit of some without a deny of all is none. */
function isRestricted(user: AsteriskSection): boolean {
  const lines = user.entries.filter(({ key }) => /^(?:permit|deny|acl)$/i.test(key));
  if (lines.some(({ key }) => key.toLowerCase() === 'acl')) return true;
  const last = lines.findLast(({ value }) => ANYWHERE.test(value.trim()));
  return last !== undefined && last.key.toLowerCase() === 'deny';
}

function ofHttp(http: AsteriskConfig, ari: AsteriskConfig): readonly MachineFinding[] {
  const general = sectionNamed(http, 'general');
  const why = 'ARI, and the manager interface where it is on the web, take a password over it, in clear without TLS';
  if (!isYes(valueIn(general, 'enabled'))) return [ok('http', "Asterisk's web server is off", why)];
  const address = valueIn(general, 'bindaddr');
  const findings = [
    isBoundToLoopback(address)
      ? ok('http', "Asterisk's web server listens on this host alone", why)
      : bad(
          'http',
          `Asterisk's web server listens on ${address ?? 'every address (no bindaddr)'}`,
          why,
          `http.conf: bindaddr = 127.0.0.1 (phones in browsers need tlsbindaddr alone)${reload('module reload http')}`,
        ),
  ];
  const origins = valueIn(sectionNamed(ari, 'general'), 'allowed_origins');
  if (origins?.split(',').some((each) => each.trim() === '*') === true) {
    findings.push(
      warn(
        'ari-origins',
        'ARI answers pages of every web site (allowed_origins = *)',
        'a page that somebody visits can then use what his browser knows',
        `ari.conf: remove allowed_origins${reload('module reload res_ari.so')}`,
      ),
    );
  }
  return findings;
}

function ofChanSip(sip: AsteriskConfig): readonly MachineFinding[] {
  const general = sectionNamed(sip, 'general');
  const whyGuest = 'calls of strangers come in without a password, into the context of [general]';
  const whyReject = 'it tells a guesser which extensions there are';
  const line = (text: string): string => `sip.conf, [general]: ${text}${reload('sip reload')}`;
  const peers = sip.sections.filter(({ isTemplate }) => !isTemplate);
  const insecure = peers
    .filter((peer) => /invite/i.test(valueIn(peer, 'insecure') ?? '') && /^dynamic$/i.test(valueIn(peer, 'host') ?? ''))
    .map(({ name }) => name);
  const without = peers
    .filter(
      (peer) =>
        /^dynamic$/i.test(valueIn(peer, 'host') ?? '') &&
        valueIn(peer, 'secret') === undefined &&
        valueIn(peer, 'md5secret') === undefined,
    )
    .map(({ name }) => name);
  const findings = [
    isNo(valueIn(general, 'allowguest'))
      ? ok('sip-guests', 'chan_sip takes no calls of strangers', whyGuest)
      : bad(
          'sip-guests',
          `chan_sip takes calls of strangers (allowguest is ${valueIn(general, 'allowguest') ?? 'not set, which means yes'})`,
          whyGuest,
          line('allowguest = no'),
        ),
    isNo(valueIn(general, 'alwaysauthreject'))
      ? bad('sip-reject', 'alwaysauthreject is off', whyReject, line('alwaysauthreject = yes'))
      : ok('sip-reject', 'chan_sip answers alike for extensions that are there and that are not', whyReject),
  ];
  if (isYes(valueIn(general, 'autocreatepeer')))
    findings.push(
      bad('sip-autocreate', 'autocreatepeer is on', 'everybody may register as anybody', line('autocreatepeer = no')),
    );
  if (insecure.length + without.length > 0) {
    const names = [...new Set([...insecure, ...without])];
    findings.push(
      bad(
        'sip-no-password',
        `phones that may call without a password: ${several(names)}`,
        'their calls are on your bill',
        `sip.conf: give each a secret, and no insecure = invite${reload('sip reload')}`,
      ),
    );
  }
  return findings;
}

function ofPjsip(pjsip: AsteriskConfig): readonly MachineFinding[] {
  const ofType = (type: string): readonly AsteriskSection[] =>
    pjsip.sections.filter((section) => !section.isTemplate && valueIn(section, 'type')?.toLowerCase() === type);
  const identifies = ofType('identify');
  const aors = new Map(ofType('aor').map((aor) => [aor.name, aor]));
  const findings: MachineFinding[] = [];
  const anonymous = ofType('endpoint').find(({ name }) => name === 'anonymous');
  const whyGuest = 'calls of strangers come in without a password, into the context of that endpoint';
  findings.push(
    anonymous === undefined
      ? ok('pjsip-guests', 'PJSIP takes no calls of strangers: there is no endpoint anonymous', whyGuest)
      : warn(
          'pjsip-guests',
          `PJSIP takes calls of strangers, into context ${valueIn(anonymous, 'context') ?? 'default'} (${anonymous.place})`,
          whyGuest,
          `remove [anonymous] from pjsip.conf (FreePBX: SIP Settings, Allow Anonymous Inbound SIP Calls: No)${reload('pjsip reload')}`,
        ),
  );
  const wide = identifies.filter((identify) =>
    identify.entries.some(
      ({ key, value }) => key.toLowerCase() === 'match' && value.split(',').some((each) => ANYWHERE.test(each.trim())),
    ),
  );
  if (wide.length > 0) {
    findings.push(
      bad(
        'pjsip-identify',
        `an endpoint is recognised by every address there is: ${several(wide.map(({ place }) => place))}`,
        'whoever sends a packet is that endpoint',
        `pjsip.conf: match = the addresses of the carrier${reload('pjsip reload')}`,
      ),
    );
  }
  // A phone that registers is one whose address book takes contacts; an endpoint known by its address needs no password.
  const without = ofType('endpoint').filter((endpoint) => {
    const names = (valueIn(endpoint, 'aors') ?? '').split(',').map((name) => name.trim());
    const registers = names.some((name) => Number(valueIn(aors.get(name), 'max_contacts') ?? 0) > 0);
    const isKnownByAddress = identifies.some((identify) => valueIn(identify, 'endpoint') === endpoint.name);
    return valueIn(endpoint, 'auth') === undefined && registers && !isKnownByAddress;
  });
  const whyAuth = 'whoever knows their name registers as they, and calls on your bill';
  findings.push(
    without.length === 0
      ? ok('pjsip-no-password', 'each endpoint that registers needs a password', whyAuth)
      : bad(
          'pjsip-no-password',
          `endpoints that register and call without a password: ${several(without.map(({ name }) => name))}`,
          whyAuth,
          `pjsip.conf: give each auth = NAME, and a section of type = auth${reload('pjsip reload')}`,
        ),
  );
  return findings;
}

function ofIax(iax: AsteriskConfig): readonly MachineFinding[] {
  const general = sectionNamed(iax, 'general');
  const why = 'a forged address opens calls without end, or calls on your bill';
  const findings: MachineFinding[] = [];
  const free = iax.sections.filter(
    (section) =>
      !section.isTemplate &&
      section.name.toLowerCase() !== 'general' &&
      (isNo(valueIn(section, 'requirecalltoken')) || isNo(valueIn(general, 'requirecalltoken'))),
  );
  if (free.length > 0 || ANYWHERE.test(valueIn(general, 'calltokenoptional') ?? '')) {
    findings.push(
      bad(
        'iax-token',
        `IAX2 takes calls without a call token${free.length > 0 ? `: ${several(free.map(({ name }) => name))}` : ''}`,
        why,
        `iax.conf: requirecalltoken = yes, and no calltokenoptional${reload('iax2 reload')}`,
      ),
    );
  }
  const without = iax.sections.filter(
    (section) =>
      !section.isTemplate &&
      /^(?:user|friend)$/i.test(valueIn(section, 'type') ?? '') &&
      valueIn(section, 'secret') === undefined &&
      !/rsa/i.test(valueIn(section, 'auth') ?? '') &&
      !isRestricted(section),
  );
  if (without.length > 0) {
    findings.push(
      bad(
        'iax-no-password',
        `IAX2 users who call without a password, from everywhere: ${several(without.map(({ name }) => name))}`,
        why,
        `iax.conf: give each a secret, or remove it${reload('iax2 reload')}`,
      ),
    );
  }
  return findings.length > 0
    ? findings
    : [ok('iax', 'IAX2 asks each user for a password or an address, and for call tokens', why)];
}

/** DISA gives a caller from outside a dial tone of ours. */
function ofDialplan(extensions: AsteriskConfig): readonly MachineFinding[] {
  const open = extensions.sections
    .flatMap(({ entries }) => entries)
    .filter(({ value }) => /\bDISA\(\s*no-password/i.test(value));
  const why = 'whoever calls in calls out again, abroad, on your bill';
  return open.length === 0
    ? [ok('disa', 'no DISA without a password', why)]
    : [
        bad(
          'disa',
          `DISA without a password: ${several(open.map(({ place }) => place))}`,
          why,
          `give it a password of 8 digits or more, or remove it${reload('dialplan reload')}`,
        ),
      ];
}
