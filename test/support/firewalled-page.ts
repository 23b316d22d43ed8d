/**
 * The page of a host with the real packet filter, looked at from another host: daemon, Asterisk and nftables in one network, a
 * Chromium and three registered phones in another, a cable between them.
 *
 * The browser has two addresses, and which one it comes from follows from where it goes: by IPv4 from that of the phones, by
 * IPv6 from another. So one of its windows can be cut off while the other is not.
 */
import type { Browser } from 'playwright-core';
import { type Asterisk, startAsterisk } from '../../src/demo/asterisk.ts';
import { ensurePrograms } from '../../src/demo/programs.ts';
import { createTollgateProcess, type TollgateProcess } from '../../src/demo/tollgate-process.ts';
import { type Actor, startActor } from './actor.ts';
import { startBrowser } from './browser.ts';
import { type Ran, runCli } from './command-line.ts';
import { ATTACKER, createNetworkPair, HOST, type NetworkPair } from './network-namespace.ts';
import { programArgs } from './program.ts';
import { attackBySipp } from './sipp-attack.ts';

/** The one of the preset "management". */
const PORT = 8480;
const SIP_PORT = 5060;
export const PHONES: readonly string[] = ['2007', '2031', '2044'];

export const BY_V4 = { url: `http://${HOST.v4}:${PORT}`, from: ATTACKER.v4 } as const;
export const BY_V6 = { url: `http://[${HOST.v6}]:${PORT}` } as const;

export interface FirewalledPage {
  readonly pair: NetworkPair;
  readonly tollgate: TollgateProcess;
  readonly browser: Browser;
  /** By the control socket, from where nobody can be cut off. */
  readonly run: (args: readonly string[], options?: { readonly input?: string }) => Promise<Ran>;
  /** Registers with a user name that is nobody's, by SIPp from an address; see sipp-attack.ts. */
  readonly attack: (from: string, user: string, userAgent: string) => Promise<void>;
  /** What the kernel holds. */
  readonly ruleset: () => Promise<string>;
  readonly stop: () => Promise<void>;
}

const pjsip = `
[lan]
type = transport
protocol = udp
bind = ${HOST.v4}:${SIP_PORT}
`;

/** @throws PackagesUnavailable where a program cannot be had */
export async function startFirewalledPage(): Promise<FirewalledPage> {
  const closers: Array<() => Promise<unknown>> = [];
  const stop = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  const own = <Part>(part: Part, close: (part: Part) => Promise<unknown>): Part => {
    closers.push(() => close(part));
    return part;
  };
  try {
    const { searchPath, sipp } = await ensurePrograms({ env: process.env });
    const pair = own(await createNetworkPair(), (each) => each.close());
    const { host, attacker } = pair;
    const browsing = startBrowser({ through: attacker.command });
    closers.push(() => browsing.then((each) => each.close()));
    const listening = ['env', `TOLLGATE_HTTP__LISTEN=[::]:${PORT}`];
    const tollgate = own(
      await createTollgateProcess({
        program: [...host.command, ...listening, process.execPath, ...programArgs],
        env: { ...process.env, PATH: searchPath, TOLLGATE_FIREWALL__BACKEND: 'nftables', TOLLGATE_NODE: 'pbx1' },
      }),
      (each) => each.stop(),
    );
    const asterisk = own(
      await startAsterisk({
        ...{ env: process.env, version: 22, through: host.command, carriers: {}, phones: PHONES },
        dialplan: '[from-phones]\nexten => _X.,1,Hangup()\n',
        files: { 'pjsip.conf': pjsip },
      }),
      (each: Asterisk) => each.stop(),
    );
    await tollgate.configure(`asterisk: ${JSON.stringify([{ name: 'pbx', ami: asterisk.ami }])}\n`);
    await tollgate.start();
    const phones = own(await startActor(attacker.command), (each) => each.end());
    await registerAll(phones, asterisk);
    return {
      ...{ pair, tollgate, browser: await browsing, stop },
      run: (args, { input = '' } = {}) =>
        runCli(tollgate.stateDir, args, { input, signal: new AbortController().signal }),
      attack: (from, user, userAgent) =>
        attackBySipp(attacker, { sipp, from, to: `${HOST.v4}:${SIP_PORT}`, user, userAgent, attempts: 15 }),
      ruleset: () => host.run('nft', 'list', 'table', 'inet', 'tollgate'),
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function registerAll(phones: Actor, asterisk: Asterisk): Promise<void> {
  for (const user of PHONES) {
    const password = asterisk.phones[user] ?? '';
    await phones.ask('phone', { name: user, user, password, from: ATTACKER.v4, to: HOST.v4, port: SIP_PORT });
    const status = await phones.ask('register', user);
    if (status !== 200) throw new Error(`${user} could not register: ${status}`);
  }
}
