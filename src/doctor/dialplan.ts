/**
 * Whether calls are asked about at all: the context included and loaded, somebody who calls it, ways out that go past it,
 * and globals that fit the daemon. Of FreePBX what its hook cannot see.
 */
import { posix } from 'node:path';
import { type AsteriskConfig, type AsteriskSection, readAsteriskConfig, sectionNamed } from './asterisk-files.ts';
import type { DoctorContext } from './context.ts';
import { findingsOf, type MachineFinding, several } from './finding.ts';

const { ok, warn, bad, unknown } = findingsOf('dialplan');
const RELOAD = "asterisk -rx 'dialplan reload'";
const WHY = 'a call that is not asked about has no limit';
const HOOK = 'macro-dialout-trunk-predial-hook';

export async function examineDialplan(context: DoctorContext): Promise<readonly MachineFinding[]> {
  const { machine, asteriskEtc: etc } = context;
  const extensions = await readAsteriskConfig(machine, etc, 'extensions.conf');
  if (!extensions.exists) return [];
  if (extensions.files.length === 0) {
    return [unknown('included', `${etc}/extensions.conf may not be read`, WHY, 'run tollgate doctor as root')];
  }
  const others = await Promise.all(
    ['extensions.ael', 'extensions.lua'].map((name) => machine.read(posix.join(etc, name))),
  );
  const programs = others.flatMap((found) => (found.kind === 'text' ? [withoutCommentLines(found.text)] : []));
  const isFreepbx = sectionNamed(extensions, 'macro-dialout-trunk') !== undefined;
  const isIncluded = sectionNamed(extensions, 'tollgate') !== undefined;
  const findings: MachineFinding[] = [included(etc, isIncluded, extensions)];
  if (isIncluded) {
    findings.push(...(await loaded(context)), asks(extensions, programs, isFreepbx));
    if (!isFreepbx) findings.push(...past(extensions));
    findings.push(...(await globals(context, extensions)));
  }
  if (isFreepbx) findings.push(...ofFreepbx(extensions));
  return findings;
}

function included(etc: string, isIncluded: boolean, { missing }: AsteriskConfig): MachineFinding {
  if (isIncluded) return ok('included', 'the context [tollgate] is in the dialplan', WHY);
  const lost = missing.filter((path) => posix.basename(path).startsWith('tollgate'));
  const what =
    lost.length > 0
      ? `extensions.conf includes ${several(lost)}, which is not there`
      : 'the context [tollgate] is not in the dialplan';
  return bad(
    'included',
    what,
    WHY,
    `tollgate setup, or copy dialplan/tollgate.conf to ${etc} and add "#include tollgate.conf" to extensions.conf; then: ${RELOAD}`,
  );
}

async function loaded({ machine }: DoctorContext): Promise<readonly MachineFinding[]> {
  if (!machine.isLive) return [];
  const ran = await machine.run('asterisk', '-rx', 'dialplan show tollgate');
  const why = 'a file counts when Asterisk has read it';
  if (ran === undefined || ran.exitCode !== 0)
    return [unknown('loaded', 'the running Asterisk could not be asked', why, "asterisk -rx 'dialplan show tollgate'")];
  return [
    /'gate' =>/.test(ran.out)
      ? ok('loaded', 'Asterisk has loaded [tollgate]', why)
      : bad('loaded', 'Asterisk has not loaded [tollgate]', why, RELOAD),
  ];
}

const ASKS = /\bGosub(?:If)?\([^)]*\btollgate[\w-]*,/i;
const isOurs = ({ name }: AsteriskSection): boolean => name.startsWith('tollgate');

/** In AEL `Gosub(tollgate,…)` as well; in Lua `app.gosub("tollgate", …)`. */
const ASKS_IN_PROGRAM = /gosub\(\s*["']?tollgate/i;

function asks(extensions: AsteriskConfig, programs: readonly string[], isFreepbx: boolean): MachineFinding {
  const contexts = extensions.sections.filter(
    (section) => !isOurs(section) && section.entries.some(({ value }) => ASKS.test(value)),
  );
  if (contexts.length > 0)
    return ok('asks', `calls are asked about in ${several([...new Set(contexts.map(({ name }) => name))])}`, WHY);
  if (programs.some((text) => ASKS_IN_PROGRAM.test(text)))
    return ok('asks', 'calls are asked about in extensions.ael or extensions.lua', WHY);
  const line = isFreepbx
    ? 'see docs/integrations/freepbx.md'
    : 'before each Dial to a trunk: same => n,Gosub(tollgate,gate,1(${EXTEN},TRUNK))';
  return bad('asks', 'nothing in the dialplan asks Tollgate', WHY, `${line}; then: ${RELOAD}`);
}

/** `PJSIP/number@trunk`, `SIP/trunk/number`, `DAHDI/…`, `${TRUNK}/number`: a number that somebody dialled, at a trunk. */
const TRUNK_DIAL =
  /\bDial\(\s*(?:PJSIP\/[^,()]*\$\{[^,]*@|(?:SIP|IAX2)\/[^,/]+\/[^,]*\$\{|SIP\/\$\{[^,]*@|DAHDI\/[^,]*\$\{|\$\{[^}]+\}\/[^,]*\$\{)/i;

/** Extensions with a way out in which nothing was asked before. */
function past(extensions: AsteriskConfig): readonly MachineFinding[] {
  const unasked: string[] = [];
  for (const section of extensions.sections.filter((each) => !isOurs(each))) {
    let exten = '';
    let hasAsked = false;
    for (const { key, value, place } of section.entries) {
      const name = key === 'exten' ? (value.split(',')[0] ?? '') : exten;
      if (name !== exten) hasAsked = false;
      exten = name;
      if (ASKS.test(value)) hasAsked = true;
      else if (!hasAsked && TRUNK_DIAL.test(value)) unasked.push(`[${section.name}] ${exten} (${place})`);
    }
  }
  if (unasked.length === 0) return [ok('past', 'no Dial to a trunk was seen without a question before it', WHY)];
  return [
    warn(
      'past',
      `a number that somebody dialled goes to a trunk unasked: ${several(unasked, 4)}`,
      WHY,
      `if it leads out: same => n,Gosub(tollgate,gate,1(…)) before it; then: ${RELOAD}`,
    ),
  ];
}

async function globals(
  { config, daemon }: DoctorContext,
  extensions: AsteriskConfig,
): Promise<readonly MachineFinding[]> {
  const section = sectionNamed(extensions, 'globals');
  const value = (name: string): string => section?.entries.findLast(({ key }) => key === name)?.value.trim() ?? '';
  const findings: MachineFinding[] = [];
  const onFailure = value('TOLLGATE_ON_FAILURE') || 'allow';
  const whyFailure = 'it decides about every call while the daemon is dead';
  findings.push(
    onFailure === 'allow' || onFailure === 'block'
      ? ok(
          'on-failure',
          `while the daemon is dead, calls are ${onFailure === 'allow' ? 'let out' : 'refused, but for emergency numbers'} (TOLLGATE_ON_FAILURE)`,
          whyFailure,
        )
      : warn(
          'on-failure',
          `TOLLGATE_ON_FAILURE is neither allow nor block, which refuses every call while the daemon is dead`,
          whyFailure,
          `[globals]: TOLLGATE_ON_FAILURE = block; then: ${RELOAD}`,
        ),
  );
  const asked = value('TOLLGATE_AGI') || 'agi://127.0.0.1:4573';
  if (!('problem' in config)) {
    const [, port] = /^agi:\/\/(?:\[[^\]]*\]|[^:/]+)(?::(\d+))?/.exec(asked) ?? [];
    const why = 'a question that nobody hears is answered by TOLLGATE_ON_FAILURE';
    findings.push(
      Number(port ?? 4573) === config.agi.listen.port
        ? ok('address', `the dialplan asks ${asked}, where the daemon listens`, why)
        : warn(
            'address',
            `the dialplan asks ${asked}, and the daemon of this configuration listens on port ${config.agi.listen.port}`,
            why,
            `[globals]: TOLLGATE_AGI = agi://127.0.0.1:${config.agi.listen.port}; then: ${RELOAD}`,
          ),
    );
  }
  const numbers = await daemon?.emergencyNumbers().catch(() => undefined);
  if (numbers !== undefined) {
    const listed = value('TOLLGATE_EMERGENCY').split('&');
    const absent = numbers.filter((number) => !listed.includes(number));
    const why = 'only numbers of that list go out while the daemon is dead and calls are refused';
    findings.push(
      absent.length === 0
        ? ok('emergency', `TOLLGATE_EMERGENCY holds every emergency number of the policy: ${several(numbers)}`, why)
        : (onFailure === 'allow' ? warn : bad)(
            'emergency',
            `emergency numbers of the policy that TOLLGATE_EMERGENCY does not hold: ${several(absent)}`,
            why,
            `[globals]: TOLLGATE_EMERGENCY = ${numbers.join('&')}; then: ${RELOAD}`,
          ),
    );
  }
  return findings;
}

function ofFreepbx(extensions: AsteriskConfig): readonly MachineFinding[] {
  const findings: MachineFinding[] = [];
  // Of several definitions of one priority Asterisk keeps the first.
  const first = extensions.sections.find(({ name, entries }) => name === HOOK && entries.length > 0);
  const hookWhy = 'it is the only place that FreePBX calls before each trunk';
  findings.push(
    first?.entries.some(({ value }) => /tollgate/i.test(value)) === true
      ? ok('freepbx-hook', "FreePBX's hook before each trunk asks Tollgate", hookWhy)
      : bad(
          'freepbx-hook',
          `FreePBX's hook before each trunk ${first === undefined ? 'is not there' : `is somebody else's (${first.place})`}`,
          hookWhy,
          'include tollgate-freepbx.conf in extensions_custom.conf, as docs/integrations/freepbx.md says; then: fwconsole reload',
        ),
  );
  const trunks = (sectionNamed(extensions, 'globals')?.entries ?? []).filter(({ key }) => /^OUT_\d+$/.test(key));
  const unseen = trunks
    .filter(({ value }) => /^(?:ENUM|DUNDI)/i.test(value.trim()))
    .map(({ key, value }) => `${key} (${value.trim().split('/')[0]})`);
  const why = 'FreePBX calls no hook there: such calls have no limit';
  findings.push(
    unseen.length === 0
      ? ok('freepbx-enum', 'no ENUM or DUNDi trunk, which FreePBX would dial without calling a hook', why)
      : warn(
          'freepbx-enum',
          `trunks that FreePBX dials without calling a hook: ${several(unseen)}`,
          why,
          'take them out of outbound routes (Connectivity, Trunks), or accept it',
        ),
  );
  const direct = (sectionNamed(extensions, 'ext-trunk')?.entries ?? []).flatMap(({ key, value }) =>
    key === 'exten' && /,1,/.test(value) ? [value.split(',')[0] ?? ''] : [],
  );
  const ids = [...new Set(direct)].filter((id) => /^\d+$/.test(id));
  findings.push(
    ids.length === 0
      ? ok('freepbx-ext-trunk', 'no trunk can be chosen as a destination by itself', why)
      : warn(
          'freepbx-ext-trunk',
          `trunks that an IVR, ring group or other module may choose as a destination by itself, past the hook: ${several(ids)}`,
          why,
          'use no "Trunks" destination; send such calls through an outbound route',
        ),
  );
  return findings;
}

const withoutCommentLines = (text: string): string => text.replaceAll(/^\s*(?:--|\/\/).*$/gm, '');
