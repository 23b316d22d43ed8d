/**
 * What listens beyond this host, and whether it should: management, databases, services of old, and what nobody knows.
 *
 * Reads the kernel's own lists, so that it sees what a scan from outside sees before any packet filter. Of packet filters
 * only Tollgate's portal is taken into account; another one may close a port that is listed here.
 */
import { PORT_PRESETS, type Ports, readPorts } from '../policy/port-presets.ts';
import { readAsteriskConfig, sectionNamed, valueIn } from './asterisk-files.ts';
import type { DoctorContext } from './context.ts';
import { findingsOf, type MachineFinding, several } from './finding.ts';
import type { Machine } from './machine.ts';

const { ok, warn, bad, unknown } = findingsOf('ports');

interface Listener {
  readonly protocol: 'tcp' | 'udp';
  readonly address: string;
  readonly port: number;
  readonly program: string | undefined;
}

interface Kind {
  readonly check: string;
  readonly level: 'warn' | 'bad';
  readonly ports: readonly string[];
  readonly are: string;
  readonly none: string;
  readonly why: string;
  readonly command: string;
}

const KINDS: readonly Kind[] = [
  {
    check: 'management',
    level: 'bad',
    // AMI, AMI over TLS, ARI and HTTP of Asterisk, FastAGI of Tollgate and of VICIdial, monit, Webmin, Docker.
    ports: ['tcp/5038-5039', 'tcp/8088-8089', 'tcp/4573', 'tcp/4577', 'tcp/2812', 'tcp/10000', 'tcp/2375-2376'],
    are: 'management ports can be reached from other machines',
    none: 'no management port can be reached from other machines',
    why: 'whoever gets in there places calls, reads recordings, or runs programs',
    command:
      'bind them to 127.0.0.1 (manager.conf, http.conf: bindaddr), or: tollgate firewall portal on --preset management',
  },
  {
    check: 'database',
    level: 'bad',
    ports: [
      'tcp/3306',
      'tcp/33060',
      'tcp/5432',
      'tcp/6379-6380',
      'tcp/26379',
      'tcp/27017',
      'tcp/11211',
      'udp/11211',
      'tcp/9200',
    ],
    are: 'databases can be reached from other machines',
    none: 'no database can be reached from other machines',
    why: 'a database holds every secret and every recording, and guards itself by one password, or by none',
    command:
      'bind them to 127.0.0.1 (bind-address of MariaDB, bind of Redis), or: tollgate firewall portal on --preset database',
  },
  {
    check: 'unsafe',
    level: 'bad',
    // FTP, telnet, rpcbind, SMB, rexec and friends, rsync, NFS, RDP, VNC, X11, SNMP, TFTP.
    ports: [
      'tcp/21',
      'tcp/23',
      'tcp/111',
      'udp/111',
      'tcp/139',
      'tcp/445',
      'tcp/512-514',
      'tcp/873',
      'tcp/2049',
      'tcp/3389',
      'tcp/5900-5910',
      'tcp/6000-6010',
      'udp/161',
      'udp/69',
    ],
    are: 'services that should not face other machines do',
    none: 'no service of old (FTP, telnet, NFS, SMB, VNC, TFTP, SNMP, …) can be reached from other machines',
    why: 'they send secrets in clear, or ask for none; TFTP gives the passwords of phones to whoever asks',
    command: 'stop what is not needed: systemctl disable --now NAME',
  },
];

/** Web, SSH and clocks; SIP, IAX2 and media come from the presets and rtp.conf. */
const EXPECTED = ['tcp/22', 'tcp/80', 'tcp/443', 'tcp/8480', 'udp/68', 'udp/546', 'udp/123'];

export async function examinePorts(context: DoctorContext): Promise<readonly MachineFinding[]> {
  const { machine, daemon } = context;
  const listeners = await listenersOf(machine);
  if (listeners === undefined) {
    const why = 'what listens can be attacked';
    return [
      unknown(
        'listening',
        'which ports are open cannot be seen here',
        why,
        'run tollgate doctor on the machine itself',
      ),
    ];
  }
  const portal = await daemon?.portalPorts().catch(() => 'unknown' as const);
  const isIn = (ports: readonly Ports[], { protocol, port }: Listener): boolean =>
    ports.some((each) => each.protocol === protocol && each.from <= port && port <= each.to);
  const closed = (portal === 'unknown' ? [] : (portal ?? [])).flatMap((text) => readPorts(text) ?? []);
  const open = listeners.filter((each) => !isLoopback(each.address) && !isIn(closed, each));

  const findings: MachineFinding[] = KINDS.map((kind) => {
    const { check, are, none, why, command } = kind;
    const ports = kind.ports.flatMap((text) => readPorts(text) ?? []);
    const found = open.filter((each) => isIn(ports, each));
    if (found.length === 0) return ok(check, none, why);
    return (kind.level === 'bad' ? bad : warn)(check, `${are}: ${listed(found)}`, why, command);
  });

  const known = [
    ...EXPECTED,
    ...PORT_PRESETS.sip,
    ...PORT_PRESETS.iax,
    await mediaPorts(context),
    ...KINDS.flatMap(({ ports }) => ports),
  ];
  const expected = known.flatMap((text) => readPorts(text) ?? []);
  // Above 32768 the kernel gives ports to whoever asks something: no service.
  const strange = open.filter((each) => !isIn(expected, each) && !(each.protocol === 'udp' && each.port >= 32_768));
  const why = 'a port that nobody needs is one that nobody watches';
  findings.push(
    strange.length === 0
      ? ok('unexpected', 'nothing listens that a telephone system does not need', why)
      : warn(
          'unexpected',
          `ports that a telephone system does not need: ${listed(strange)}`,
          why,
          'ss -lntup, then systemctl disable --now what is not needed',
        ),
  );
  if (daemon !== undefined) findings.push(ofPortal(portal));
  return findings;
}

function ofPortal(portal: readonly string[] | 'unknown' | undefined): MachineFinding {
  const why = 'a SIP port that everybody reaches is found within the hour, and guessed at ever after';
  if (portal === 'unknown')
    return unknown('default-deny', 'the daemon could not be asked for its portal', why, 'tollgate status');
  if (portal !== undefined) return ok('default-deny', `only allowed addresses reach ${several(portal)}`, why);
  const what = 'SIP and management ports are open to everybody as far as Tollgate is concerned: the portal is off';
  return warn(
    'default-deny',
    what,
    why,
    'tollgate allow add ADDRESS --name NAME for each of yours, then tollgate firewall portal on',
  );
}

function listed(listeners: readonly Listener[]): string {
  const texts = listeners.map(
    ({ protocol, port, program }) => `${protocol}/${port}${program === undefined ? '' : ` (${program})`}`,
  );
  return several([...new Set(texts)], 8);
}

async function mediaPorts({ machine, asteriskEtc }: DoctorContext): Promise<string> {
  const general = sectionNamed(await readAsteriskConfig(machine, asteriskEtc, 'rtp.conf'), 'general');
  // What res_rtp_asterisk.c takes without a file is 5000 to 31000; the file that comes with it says 10000 to 20000.
  return `udp/${valueIn(general, 'rtpstart') ?? '5000'}-${valueIn(general, 'rtpend') ?? '31000'}`;
}

/** Undefined: the kernel's lists cannot be read. */
async function listenersOf(machine: Machine): Promise<readonly Listener[] | undefined> {
  const kinds = [
    { file: 'tcp', protocol: 'tcp', state: '0A' },
    { file: 'tcp6', protocol: 'tcp', state: '0A' },
    { file: 'udp', protocol: 'udp', state: '07' },
    { file: 'udp6', protocol: 'udp', state: '07' },
  ] as const;
  const readings = await Promise.all(kinds.map(({ file }) => machine.read(`/proc/net/${file}`)));
  if (readings[0]?.kind !== 'text') return undefined;
  const programs = await programsOf(machine);
  return readings.flatMap((found, index) => {
    const kind = kinds[index];
    if (found.kind !== 'text' || kind === undefined) return [];
    const { protocol, state } = kind;
    return found.text.split('\n').flatMap((line) => {
      const [, local = '', is] =
        /^\s*\d+: ([0-9A-F]+:[0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2}) /.exec(line) ?? [];
      if (is !== state) return [];
      const [address = '', port = ''] = local.split(':');
      const number = Number.parseInt(port, 16);
      return [{ protocol, address, port: number, program: programs.get(`${protocol}/${number}`) }];
    });
  });
}

/** Of a socket, by `ss`; only root is told those of others. */
async function programsOf(machine: Machine): Promise<ReadonlyMap<string, string>> {
  const ran = await machine.run('ss', '-H', '-l', '-n', '-t', '-u', '-p');
  const lines = (ran?.out ?? '')
    .split('\n')
    .map((line) => /^(tcp|udp)\s.*?:(\d+)\s+\S+\s+users:\(\("([^"]+)"/.exec(line));
  return new Map(lines.flatMap((match) => (match === null ? [] : [[`${match[1]}/${match[2]}`, match[3] ?? '']])));
}

/** The kernel writes addresses as 32-bit words in the machine's order, which is little on every machine of today. */
const isLoopback = (address: string): boolean =>
  (address.length === 8 && address.endsWith('7F')) ||
  address === '00000000000000000000000001000000' ||
  (address.startsWith('0000000000000000FFFF0000') && address.endsWith('7F'));
