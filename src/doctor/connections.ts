/**
 * Tollgate's own connections, tried for real: the daemon and its parts, the manager interface and its rights, ARI, an
 * external store, FastAGI, the web port, the packet filter.
 *
 * Guarantees that nothing is changed on the other side: what a right allows is found by what Asterisk says of itself, and by
 * asking for a channel that does not exist.
 */
import { connect } from 'node:net';
import type { AmiMessage } from '../asterisk/ami-packet.ts';
import { AmiSession } from '../asterisk/ami-session.ts';
import { AriRefused, createAriHttp } from '../asterisk/ari-http.ts';
import type { Config } from '../config/schema.ts';
import { messageOf } from '../errors.ts';
import { isBoundToLoopback, readAsteriskConfig, sectionNamed, valueIn } from './asterisk-files.ts';
import type { DoctorContext } from './context.ts';
import { findingsOf, type MachineFinding, several } from './finding.ts';
import { examineStore } from './store-checks.ts';

const { ok, warn, bad, unknown } = findingsOf('connections');
type AmiAccount = NonNullable<Config['asterisk'][number]['ami']>;
type AriAccount = NonNullable<Config['asterisk'][number]['ari']>;

const WITHIN_MS = 4_000;
/** Asterisk sends both of its events within milliseconds of the log-in. */
const EVENTS_WITHIN_MS = 1_500;

export async function examineConnections(context: DoctorContext): Promise<readonly MachineFinding[]> {
  const { config, machine } = context;
  if (!machine.isLive) return [];
  if ('problem' in config) {
    const why = 'without it the daemon does not start';
    return [bad('configuration', `the configuration cannot be used: ${config.problem}`, why, 'tollgate config check')];
  }
  const found = await Promise.all([
    ofDaemon(context),
    ...config.asterisk.flatMap(({ name, ami, ari }) => [
      ...(ami === undefined ? [] : [ofManager(context, name, ami)]),
      ...(ari === undefined ? [] : [ofAri(name, ari)]),
    ]),
    examineStore(config.redis),
    ofFastAgi(config.agi),
  ]);
  return [...found.flat(), ...missing(config), ...ofWeb(config.http), ofFirewall(config)];
}

async function ofDaemon({ daemon }: DoctorContext): Promise<readonly MachineFinding[]> {
  if (daemon === undefined) return [];
  const why = 'without it, calls go the way of TOLLGATE_ON_FAILURE';
  try {
    const parts = await daemon.parts();
    const down = parts.filter(({ state }) => state === 'down');
    if (down.length === 0) return [ok('daemon', `the daemon runs and each of its ${parts.length} parts works`, why)];
    return down.map(({ name, detail, remedy }) =>
      bad(`part ${name}`, `${name} is down: ${detail}`, 'the daemon runs without it', remedy),
    );
  } catch (error) {
    return [
      bad(
        'daemon',
        `the daemon does not answer: ${messageOf(error)}`,
        why,
        'systemctl start tollgate, or: tollgate serve',
      ),
    ];
  }
}

const WHY_AMI = 'by it Tollgate learns when calls end, ends those that last too long, and hears of attacks';

/** What an action needs, for each class that Tollgate writes with; by manager.c of Asterisk 16 to 22. */
const NEEDED_ACTIONS = { Hangup: 'call', CoreShowChannels: 'system' } as const;
const MORE_THAN_NEEDED = ['Command', 'UpdateConfig'];

async function ofManager(
  { machine, asteriskEtc }: DoctorContext,
  name: string,
  ami: AmiAccount,
): Promise<readonly MachineFinding[]> {
  const check = `ami ${name}`;
  const tried = await tryManager(name, ami);
  if ('problem' in tried) {
    return [
      bad(
        check,
        `AMI of ${name} at ${ami.host}:${ami.port} ${tried.problem}`,
        WHY_AMI,
        `see manager.conf: [${ami.username}], secret, permit, enabled; then: asterisk -rx 'manager reload'. tollgate setup writes it`,
      ),
    ];
  }
  const findings: MachineFinding[] = [];
  const line = (key: string, value: string): string =>
    `manager.conf, [${ami.username}]: ${key} = ${value}; then: asterisk -rx 'manager reload'`;
  const lacksWrite = Object.entries(NEEDED_ACTIONS)
    .filter(([action]) => !tried.actions.has(action.toLowerCase()))
    .map(([, word]) => word);
  const lacksRead = [
    ...(tried.classes.has('system') ? [] : ['system']),
    ...(tried.classes.has('security') ? [] : ['security']),
  ];
  // A right to hear of calls shows only when there is a call: then the file says it, where it can be read.
  const user = sectionNamed(await readAsteriskConfig(machine, asteriskEtc, 'manager.conf'), ami.username);
  const read = valueIn(user, 'read');
  if (read !== undefined && !/\b(?:call|all)\b/.test(read)) lacksRead.push('call');
  if (lacksWrite.length > 0)
    findings.push(
      bad(
        `${check} write`,
        `AMI user ${ami.username} lacks the right to write: ${several(lacksWrite)}`,
        'calls that last too long cannot be ended, and calls under way not be listed',
        line('write', 'system,call'),
      ),
    );
  if (lacksRead.length > 0)
    findings.push(
      (lacksRead.includes('security') && lacksRead.length === 1 ? warn : bad)(
        `${check} read`,
        `AMI user ${ami.username} lacks the right to read: ${several(lacksRead)}`,
        'without call, ends of calls are missed; without security, no attack is seen and nobody is banned',
        line('read', 'system,call,security'),
      ),
    );
  const more = MORE_THAN_NEEDED.filter((action) => tried.actions.has(action.toLowerCase()));
  if (more.length > 0)
    findings.push(
      warn(
        `${check} more`,
        `AMI user ${ami.username} may do more than Tollgate needs: ${several(more)}`,
        'the rest is for whoever steals the password',
        line('write', 'system,call'),
      ),
    );
  if (findings.length > 0) return findings;
  const untold = read === undefined ? '; whether it may read "call" shows only with a call' : '';
  return [
    ok(check, `AMI of ${name}: logged in as ${ami.username}, with the rights it needs and no more${untold}`, WHY_AMI),
  ];
}

interface TriedManager {
  /** Names of the actions it may send, in small letters. */
  readonly actions: ReadonlySet<string>;
  /** Classes of the events that came by themselves. */
  readonly classes: ReadonlySet<string>;
}

/** Logs in, asks what it may do, and hears what comes: `FullyBooted` (system), and its own log-in (security). */
function tryManager(name: string, ami: AmiAccount): Promise<TriedManager | { readonly problem: string }> {
  return new Promise((resolve) => {
    const classes = new Set<string>();
    let actions: AmiMessage | undefined;
    const session = new AmiSession({
      name,
      ...ami,
      events: 'on',
      timings: { loginWithinMs: WITHIN_MS, pingEveryMs: 60_000, pingWithinMs: WITHIN_MS },
      onUp: () => {
        const heard = setTimeout(() => session.end('asked'), EVENTS_WITHIN_MS);
        session.action('ListCommands', {}, WITHIN_MS).then(
          (answer) => {
            actions = answer;
          },
          (error: unknown) => {
            clearTimeout(heard);
            session.end(messageOf(error));
          },
        );
      },
      onEvent: (event) => {
        for (const word of event.get('Privilege').split(',')) classes.add(word);
      },
      onEnd: ({ problem }) => {
        if (actions === undefined) resolve({ problem });
        else resolve({ actions: namesIn(actions), classes });
      },
    });
  });
}

const namesIn = (answer: AmiMessage): ReadonlySet<string> =>
  new Set(
    [...Object.keys(NEEDED_ACTIONS), ...MORE_THAN_NEEDED]
      .map((name) => name.toLowerCase())
      .filter((name) => answer.get(name) !== ''),
  );

const WHY_ARI = 'by it calls are held until somebody approves them';

async function ofAri(name: string, ari: AriAccount): Promise<readonly MachineFinding[]> {
  const check = `ari ${name}`;
  const http = createAriHttp({ ...ari, requestWithinMs: WITHIN_MS });
  const mend = `see ari.conf: [${ari.username}], password, and http.conf: enabled; then: asterisk -rx 'module reload res_ari.so'. tollgate setup writes it`;
  try {
    await http.request('GET', '/ari/asterisk/info?only=status');
    // 404 for a channel that nobody has; 403 where the user may only read.
    const refused = await http.request('DELETE', '/ari/channels/tollgate-doctor-asks').then(
      () => undefined,
      (error: unknown) => error,
    );
    if (refused instanceof AriRefused && refused.status === 403)
      return [
        bad(
          check,
          `ARI user ${ari.username} of ${name} may only read`,
          WHY_ARI,
          `ari.conf, [${ari.username}]: read_only = no; then: asterisk -rx 'module reload res_ari.so'`,
        ),
      ];
    const isThere = await http.request('GET', `/ari/applications/${encodeURIComponent(ari.app)}`).then(
      () => true,
      () => false,
    );
    if (!isThere)
      return [
        warn(
          check,
          `ARI of ${name} lets ${ari.username} in, but nobody is connected as application ${ari.app}`,
          WHY_ARI,
          'start the daemon; it connects by itself',
        ),
      ];
    return [
      ok(check, `ARI of ${name}: ${ari.username} may write, and the application ${ari.app} is connected`, WHY_ARI),
    ];
  } catch (error) {
    return [bad(check, `ARI of ${name} at ${ari.url} cannot be used: ${messageOf(error)}`, WHY_ARI, mend)];
  } finally {
    http.close();
  }
}

function missing({ asterisk }: Config): readonly MachineFinding[] {
  if (asterisk.length > 0) return [];
  const what =
    'Tollgate is connected to no Asterisk: calls are decided, but their ends, attacks and approvals are not seen';
  return [warn('asterisk', what, WHY_AMI, 'tollgate setup')];
}

async function ofFastAgi({ listen, allowFrom }: Config['agi']): Promise<readonly MachineFinding[]> {
  const why = 'every question of the dialplan goes there';
  const everybody = allowFrom.map(String).filter((network) => /\/0$/.test(network));
  const findings: MachineFinding[] = [];
  if (everybody.length > 0) {
    const reason = 'FastAGI has no password: whoever may ask uses up the limits of others and reads what is decided';
    findings.push(
      bad(
        'fastagi-open',
        `FastAGI answers everybody (agi.allowFrom ${several(everybody)})`,
        reason,
        'tollgate.yaml: agi.allowFrom with the addresses of your Asterisks alone',
      ),
    );
  }
  const host = /^(?:0\.0\.0\.0|::)$/.test(listen.host) ? '127.0.0.1' : listen.host;
  const problem = await reach(host, listen.port);
  findings.push(
    problem === undefined
      ? ok('fastagi', `FastAGI listens at ${listen.host}:${listen.port}`, why)
      : bad(
          'fastagi',
          `FastAGI does not answer at ${host}:${listen.port}: ${problem}`,
          why,
          'tollgate status; systemctl start tollgate',
        ),
  );
  return findings;
}

function reach(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const finish = (problem: string | undefined): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(problem);
    };
    const timer = setTimeout(() => finish('no answer in time'), WITHIN_MS);
    socket.on('connect', () => finish(undefined));
    socket.on('error', (error) => finish(messageOf(error)));
  });
}

function ofWeb({ listen, tls, trustedProxies }: Config['http']): readonly MachineFinding[] {
  const why = 'log-ins and links for approvals go over it';
  if (isBoundToLoopback(listen.host) || tls !== undefined) {
    return [ok('web', tls === undefined ? 'the web port is for this host alone' : 'the web port speaks TLS', why)];
  }
  if (trustedProxies.length > 0)
    return [
      unknown('web', 'the web port has no TLS of its own; whether its proxy has is not seen', why, 'see docs/http.md'),
    ];
  return [
    bad(
      'web',
      `the web port is open to other machines without TLS (http.listen ${listen.host}:${listen.port})`,
      why,
      'tollgate.yaml: http.tls, or http.listen on 127.0.0.1 behind a proxy',
    ),
  ];
}

function ofFirewall({ firewall }: Config): MachineFinding {
  const why = 'packets of a banned address are dropped in the kernel, or reach every service but the dialplan';
  return firewall.backend === 'nftables'
    ? ok('firewall', 'bans are enforced by nftables', why)
    : warn(
        'firewall',
        `bans are not enforced in the kernel (firewall.backend is ${firewall.backend})`,
        why,
        'tollgate.yaml: firewall.backend: nftables; then restart the daemon',
      );
}
