/**
 * The lasting refusal: a file for pjsip.conf that makes Asterisk itself refuse the restricted extensions everywhere else.
 *
 * Written only where the configuration names it, and owned by Tollgate then. Each section adds to an endpoint of
 * pjsip.conf (`[1001](+type=endpoint)`), so the file is included at its end. An endpoint that is not there, or that comes
 * from realtime or the wizard, cannot be added to, and Asterisk (16.28, 22.10) then drops the rest of the file: such a one
 * is found after the reload and left out.
 *
 * `contact_deny` would not do: it asks for what the phone claims in Contact, and of calls as well (measured).
 *
 * Guarantees that the file is whole at every moment, and that nothing is reloaded unless it has changed.
 */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AmiConnection } from '../asterisk/ami-connection.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { formatRange, networksOf, rangeOf } from '../policy/addresses.ts';
import type { RegistrationPlaces } from '../policy/registration-places.ts';

export interface AclFile {
  /** Brings file and Asterisk up to the policy. Never rejects. */
  readonly follow: () => Promise<void>;
  /** What keeps it from being in force; empty if nothing does. */
  readonly problem: () => string;
  readonly close: () => void;
}

/** A reload is carried out behind its answer: 20 to 200 ms with a handful of endpoints. */
const IN_FORCE_WITHIN_MS = 5000;
const LOOK_EVERY_MS = 100;
/** Endpoints that cannot be added to, found one after another. */
const MOST_ATTEMPTS = 5;
const FOLLOW_EVERY_MS = 60_000;
/** Text that can stand in a section's head. */
const PLAIN_NAME = /^[A-Za-z0-9._@+-]{1,80}$/;

export function createAclFile(deps: {
  /** Absolute. */
  readonly path: string;
  readonly ami: AmiConnection;
  readonly places: () => RegistrationPlaces;
  readonly log: Log;
}): AclFile {
  const { path, ami, places, log } = deps;
  /** Endpoints that the file does not reach. */
  const unreachable = new Set<string>();
  let inForce: string | undefined;
  let problem = '';
  let running: Promise<void> | undefined;
  let isStale = false;
  let closed = false;

  const hasAcl = async (endpoint: string): Promise<boolean> => {
    const answer = await ami.list('PJSIPShowEndpoint', { Endpoint: endpoint });
    return answer.some((each) => each.name === 'EndpointDetail' && each.get('Acl') !== '');
  };

  /** The first of them that is not in force after the reload. */
  const firstMissing = async (endpoints: readonly string[]): Promise<string | undefined> => {
    const untilMs = performance.now() + IN_FORCE_WITHIN_MS;
    for (const endpoint of endpoints) {
      while (!(await hasAcl(endpoint))) {
        if (closed || performance.now() > untilMs) return endpoint;
        await sleep(LOOK_EVERY_MS);
      }
    }
    return undefined;
  };

  const put = async (text: string, endpoints: readonly string[]): Promise<void> => {
    if ((await readFile(path, 'utf8').catch(() => undefined)) === text) return;
    await writeFile(`${path}.new`, text, { mode: 0o644 });
    await rename(`${path}.new`, path);
    await ami.action('Reload', { Module: 'res_pjsip.so' });
    log.info({ path, extensions: endpoints }, 'wrote where extensions may register from, and reloaded res_pjsip');
  };

  const bringUp = async (): Promise<void> => {
    const existing = new Set((await ami.list('PJSIPShowEndpoints')).map((each) => each.get('ObjectName')));
    for (let attempt = 0; attempt < MOST_ATTEMPTS && !closed; attempt += 1) {
      const endpoints = [...places().restricted.keys()].filter(
        (each) => existing.has(each) && PLAIN_NAME.test(each) && !unreachable.has(each),
      );
      const text = aclText(places(), endpoints);
      await put(text, endpoints);
      if (text === inForce) break;
      const missing = await firstMissing(endpoints);
      if (missing === undefined) inForce = text;
      else unreachable.add(missing);
    }
    const them = [...unreachable].filter((each) => places().restricted.has(each)).join(', ');
    const why = `${path} does not reach ${them}: it must be included at the end of pjsip.conf, where the endpoint must stand too`;
    problem = them === '' ? '' : why;
  };

  const work = async (): Promise<void> => {
    const before = problem;
    do {
      isStale = false;
      await bringUp().catch((error: unknown) => {
        problem = messageOf(error);
      });
    } while (isStale && !closed);
    running = undefined;
    if (problem !== '' && problem !== before) log.error({ path, problem }, 'the lasting refusal is not in force');
  };

  const follow = async (): Promise<void> => {
    if (closed || !ami.state().up) return;
    if (running === undefined) running = work();
    else isStale = true;
    await running;
  };

  /** Somebody may have mended pjsip.conf. */
  const afresh = (): void => {
    if (running !== undefined) return;
    unreachable.clear();
    inForce = undefined;
    void follow();
  };
  const stops = [
    ami.onState((up) => {
      if (up) afresh();
    }),
    ami.onEvent(['Reload'], (event) => {
      if (/pjsip|^all$/i.test(event.get('Module'))) afresh();
    }),
  ];
  const timer = setInterval(() => void follow(), FOLLOW_EVERY_MS);
  timer.unref();
  void follow();

  return {
    follow,
    problem: () => problem,
    close: () => {
      closed = true;
      clearInterval(timer);
      for (const stop of stops) stop();
    },
  };
}

/** The file's text. Asterisk takes the last line that an address meets. */
export function aclText({ restricted }: RegistrationPlaces, endpoints: readonly string[]): string {
  const sections = endpoints.map((endpoint) => {
    const networks = (restricted.get(endpoint) ?? []).flatMap(networksOf);
    const permits = networks.map((network) => `permit = ${formatRange(rangeOf(network))}\n`);
    return `\n[${endpoint}](+type=endpoint)\ndeny = 0.0.0.0/0\ndeny = ::/0\n${permits.join('')}`;
  });
  return `; Written by Tollgate from registerFrom of its policy. Changes here are lost.\n${sections.join('')}`;
}
