/**
 * What VICIdial itself knows of a call that it is making: campaign, lead, list, and the agent with the phone he sits at.
 *
 * Owns the statements and what their rows mean. Guarantees that one call is looked up once, however many trunks it tries, and
 * that what is not there yet (VICIdial writes some rows milliseconds after the call has begun) is unknown and not an error.
 * Refuses to know: rules, and what becomes of a call while the database is away.
 */
import type { Clock } from '../clock.ts';
import type { DialledCallFacts, DiallerRecords } from '../gate/dialler.ts';
import type { Log } from '../log.ts';
import { readCallCode } from './call-code.ts';
import { type DatabaseSettings, type DatabaseState, openDatabase, type Row, type Statement } from './database.ts';

export interface Vicidial {
  /** Never rejects, and takes no longer than `vicidial.deadlineMs` and `atMostMs`. */
  readonly find: DiallerRecords['find'];
  readonly onFailure: DiallerRecords['onFailure'];
  readonly state: () => DatabaseState;
  readonly close: () => Promise<void>;
}

const REMEMBERED_MS = 60_000;
const MOST_REMEMBERED = 5000;
const SESSION = /^Local\/(\d{1,20})@[^;]*;1$/;

// Values stand in the statements' places and never in a join: compared with a column of another character set they would
// keep the server from using its index.
const CAMPAIGN_AND_LIST = `SELECT
  (SELECT campaign_id FROM vicidial_auto_calls WHERE callerid = ? LIMIT 1) AS campaign,
  (SELECT list_id FROM vicidial_list WHERE lead_id = ? LIMIT 1) AS list`;
const AGENT = 'SELECT user, extension, campaign_id AS campaign FROM vicidial_live_agents WHERE';
// vicidial_manager is what VICIdial writes first. The same session exists on every server.
const AGENT_OF_SESSION = `${AGENT} conf_exten = ? AND server_ip =
  (SELECT server_ip FROM vicidial_manager WHERE callerid = ? LIMIT 1) LIMIT 1`;
const AGENT_OF_CALL = `${AGENT} callerid = ? LIMIT 1`;

export function openVicidial(
  settings: DatabaseSettings & { readonly deadlineMs: number; readonly onFailure: DiallerRecords['onFailure'] },
  deps: { readonly clock: Pick<Clock, 'now' | 'monotonicMs'>; readonly log: Log },
): Vicidial {
  const database = openDatabase(settings, deps);
  const remembered = new Map<string, { readonly facts: DialledCallFacts; readonly atMs: number }>();

  const remember = (code: string, facts: DialledCallFacts): void => {
    remembered.delete(code);
    remembered.set(code, { facts, atMs: deps.clock.monotonicMs() });
    const [oldest] = remembered.keys();
    if (remembered.size > MOST_REMEMBERED && oldest !== undefined) remembered.delete(oldest);
  };

  return {
    find: async ({ kind, callerName, channel }, atMostMs) => {
      const call = readCallCode(callerName);
      if (call === undefined) return nothing(undefined);
      const key = `${kind} ${channel} ${call.code}`;
      const known = remembered.get(key);
      if (known !== undefined && deps.clock.monotonicMs() - known.atMs < REMEMBERED_MS) return known.facts;
      const statements = [
        { sql: CAMPAIGN_AND_LIST, values: [call.code, call.lead ?? '0'] },
        ...(kind === 'predictive' ? [] : [agentStatement(call.code, SESSION.exec(channel)?.[1])]),
      ];
      const rows = await database.read(statements, Math.min(settings.deadlineMs, atMostMs));
      if (rows === 'unavailable') return rows;
      const facts = factsOf(call.lead, rows[0]?.[0], rows[1]?.[0]);
      const isWhole = kind === 'predictive' ? facts.campaign !== undefined : facts.agent !== undefined;
      if (isWhole) remember(key, facts);
      return facts;
    },
    onFailure: settings.onFailure,
    state: database.state,
    close: database.close,
  };
}

const agentStatement = (code: string, session: string | undefined): Statement =>
  session === undefined ? { sql: AGENT_OF_CALL, values: [code] } : { sql: AGENT_OF_SESSION, values: [session, code] };

function factsOf(lead: string | undefined, call: Row | undefined, agent: Row | undefined): DialledCallFacts {
  const user = known(agent?.['user']);
  return {
    campaign: known(call?.['campaign']) ?? known(agent?.['campaign']),
    lead,
    list: known(call?.['list']),
    agent: user,
    phone: /^(?:SIP|PJSIP|IAX2)\/([^/\s]+)$/.exec(agent?.['extension'] ?? '')?.[1] ?? user,
  };
}

const known = (value: string | null | undefined): string | undefined =>
  value === null || value === undefined || value.trim() === '' ? undefined : value.trim();

const nothing = (lead: string | undefined): DialledCallFacts => factsOf(lead, undefined, undefined);
