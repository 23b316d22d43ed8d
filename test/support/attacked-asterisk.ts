/**
 * An Asterisk with everything that can be attacked: SIP over each transport, barred accounts, manager users of several
 * kinds, and on 16 chan_sip beside chan_pjsip.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Asterisk, type AsteriskVersion, startAsterisk } from '../../src/demo/asterisk.ts';
import { freeTcpPort, freeUdpPort } from '../../src/demo/child.ts';
import { openSipWire, type SipWire, type Transport } from './sip-wire.ts';

export interface Target {
  readonly version: AsteriskVersion;
  readonly asterisk: Asterisk;
  /** False where there is no `openssl` to make a certificate with. */
  readonly hasTls: boolean;
  /** A socket of its own to chan_pjsip; `udp6` is UDP over IPv6. `from` is the address of this side, for UDP. */
  readonly pjsip: (transport?: Transport | 'udp6', from?: string) => Promise<SipWire>;
  /** The same to chan_sip. */
  readonly chanSip: (transport?: 'udp' | 'tcp', from?: string) => Promise<SipWire>;
  /** Sends packets on one connection to the manager interface, a moment apart, and waits for its end or for 1.5 s. */
  readonly manager: (...packets: readonly (readonly string[])[]) => Promise<void>;
  /** Closes the wires that are open. */
  readonly closeWires: () => void;
  readonly stop: () => Promise<void>;
}

const BARRED = 'deny = 0.0.0.0/0.0.0.0\n';
/** Asterisk waits a second before it refuses a manager user. */
const MANAGER_ANSWERS_WITHIN_MS = 1_500;

export async function startAttackedAsterisk(version: AsteriskVersion): Promise<Target> {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-attacked-'));
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
  const wanted = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=pbx.test'];
  const hasTls = await promisify(execFile)('openssl', [...wanted, '-keyout', key, '-out', certificate]).then(
    () => true,
    () => false,
  );
  const ports = {
    ...{ tcp: await freeTcpPort(), tls: await freeTcpPort(), wss: await freeTcpPort() },
    ...{ udp6: await freeUdpPort(), chanSip: await freeUdpPort() },
  };
  const transport = (name: string, protocol: string, bind: string, more = ''): string =>
    `[${name}]\ntype = transport\nprotocol = ${protocol}\nbind = ${bind}\n${more}`;
  const endpoint = (name: string, more: string): string =>
    `[${name}]\ntype = endpoint\ncontext = from-phones\ndisallow = all\nallow = ulaw\n${more}`;
  const peer = (name: string, more: string): string =>
    `[${name}]\ntype = friend\nhost = dynamic\nsecret = two\ncontext = from-phones\n${more}`;
  const asterisk = await startAsterisk({
    env: process.env,
    version,
    carriers: {},
    dialplan: '[from-phones]\nexten => _X.,1,Hangup(17)\n',
    modules: ['res_pjsip_transport_websocket', ...(version === 16 ? ['chan_sip'] : [])],
    files: {
      'pjsip.conf': [
        transport('tcp', 'tcp', `127.0.0.1:${ports.tcp}`),
        transport('udp6', 'udp', `[::1]:${ports.udp6}`),
        transport(
          'tls',
          'tls',
          `127.0.0.1:${ports.tls}`,
          `cert_file = ${certificate}\npriv_key_file = ${key}\nmethod = tlsv1_2\n`,
        ),
        transport('ws', 'ws', '127.0.0.1'),
        transport('wss', 'wss', '127.0.0.1'),
        endpoint('1009', `${BARRED}auth = 1009\naors = 1009\n`),
        '[1009]\ntype = auth\nauth_type = userpass\nusername = 1009\npassword = nine\n',
        '[1009]\ntype = aor\nmax_contacts = 1\n',
        endpoint('trunk', 'aors = trunk\n'),
        '[trunk]\ntype = aor\nmax_contacts = 1\n',
        '[trunk]\ntype = identify\nendpoint = trunk\nmatch = 127.0.0.4\n',
        // What a PBX that takes calls from anybody has; here only for one address, so that the others are refused.
        endpoint('anonymous', ''),
        '[anonymous]\ntype = identify\nendpoint = anonymous\nmatch = 127.0.0.3\n',
      ].join('\n'),
      'sip.conf': [
        `[general]\nudpbindaddr = 127.0.0.1:${ports.chanSip}\ntcpenable = yes\ntcpbindaddr = 127.0.0.1:${ports.chanSip}`,
        'allowguest = no\nwebsocket_enabled = no\n',
        peer('2001', 'transport = udp,tcp\n'),
        peer('2002', 'transport = tcp\n'),
        peer('2009', BARRED),
        '[2003]\ntype = peer\nhost = 192.0.2.55\nsecret = two\n',
      ].join('\n'),
      'manager.conf': [
        `[barred]\nsecret = x\nread = all\n${BARRED}`,
        '[limited]\nsecret = limited\nread = system\nwrite = system\n',
        '[single]\nsecret = single\nread = system\nallowmultiplelogin = no\n',
      ].join('\n'),
      'http.conf': `[general](+)\ntlsenable = yes\ntlsbindaddr = 127.0.0.1:${ports.wss}\ntlscertfile = ${certificate}\ntlsprivatekey = ${key}\n`,
    },
  });
  const wires: SipWire[] = [];
  const open = async (...to: Parameters<typeof openSipWire>): Promise<SipWire> => {
    const wire = await openSipWire(...to);
    wires.push(wire);
    return wire;
  };
  const portOf = { udp: asterisk.sipPort, ...ports, ws: Number(new URL(asterisk.ari.url).port) };
  return {
    version,
    asterisk,
    hasTls,
    pjsip: (by = 'udp', from) =>
      by === 'udp6'
        ? open({ transport: 'udp', host: '::1', port: ports.udp6 })
        : open({ transport: by, host: '127.0.0.1', port: portOf[by], ...(from === undefined ? {} : { from }) }),
    chanSip: (by = 'udp', from = '127.0.0.1') => open({ transport: by, host: '127.0.0.1', port: ports.chanSip, from }),
    manager: async (...packets) => {
      const socket = connect(asterisk.ami.port, asterisk.ami.host);
      const closed = new Promise<void>((resolve) => void socket.once('close', () => resolve()));
      // What is read is of no interest, and a reset neither.
      socket.on('error', () => undefined).resume();
      for (const lines of packets) {
        socket.write(`${lines.join('\r\n')}\r\n\r\n`);
        await sleep(100);
      }
      await Promise.race([closed, sleep(MANAGER_ANSWERS_WITHIN_MS)]);
      socket.destroy();
    },
    closeWires: () => {
      for (const wire of wires.splice(0)) wire.close();
    },
    stop: async () => {
      for (const wire of wires.splice(0)) wire.close();
      await asterisk.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
