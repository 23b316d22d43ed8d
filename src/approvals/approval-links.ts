/**
 * Signed links by which one named person decides one approval, once.
 *
 * A link is a token: approval, person, end and a nonce, signed with HMAC-SHA-256 (RFC 2104). The secret is made at random
 * the first time a tenant needs it and lies in the store, so that a link of one node opens on every other. Opening changes
 * nothing, however often: chat programs and mail scanners follow links. Deciding marks the nonce as used before it
 * decides, so a link decides at most once even if the store goes away in between; that an approval is settled only once is
 * the desk's business.
 *
 * Nothing here knows of HTTP or pages. Nobody can ask here whether a token was well signed: one for an approval that is
 * not there answers as a forged one does.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { TollgateError } from '../errors.ts';
import type { EpochMs } from '../policy/call.ts';
import type { Keys } from '../redis/keys.ts';
import type { Approval, KnownApproval, Settlement } from './approval.ts';
import type { ApprovalDesk } from './approval-desk.ts';
import type { Decisions } from './decisions.ts';

export interface ApprovalLink {
  readonly url: string;
  readonly expiresAt: EpochMs;
  /** Why the person may not reach the address; undefined where nothing speaks against it. */
  readonly warning: string | undefined;
}

/** What became of a link that somebody decided by. */
export interface LinkUse {
  readonly approve: boolean;
  readonly at: EpochMs;
  /** Address that it came from. */
  readonly from: string;
}

/**
 * How a link stands.
 * - `unknown`: forged, cut off, or for an approval that is no longer kept.
 * - `open`: the person may decide.
 * - `used`: it was decided by this link; `known` says what that led to.
 * - `settled`: by somebody else, the clock or the caller.
 * - `expired`: its time is over, and the approval is not yet settled.
 */
export type LinkState =
  | { readonly state: 'unknown' }
  | (OfPerson & { readonly state: 'open' })
  | (OfPerson & { readonly state: 'expired' })
  | (OfPerson & { readonly state: 'used'; readonly use: LinkUse })
  | (OfPerson & { readonly state: 'settled'; readonly settlement: Settlement });

interface OfPerson {
  readonly person: string;
  readonly known: KnownApproval;
}

/** `decided`: this word counts. It leaves the approval open where another person has to approve as well. */
export type LinkAnswer =
  | Exclude<LinkState, { readonly state: 'open' }>
  | (OfPerson & { readonly state: 'decided'; readonly approve: boolean });

export interface ApprovalLinks {
  /**
   * @param person 1 to 64 characters of one line; the decision is written down as `link PERSON`
   * @throws {TollgateError} `INVALID_REQUEST` for another person; of the store
   */
  readonly linkFor: (approval: Pick<Approval, 'id' | 'expiresAt'>, person: string) => Promise<ApprovalLink>;
  /** Changes nothing. @throws {TollgateError} of the store */
  readonly open: (token: string) => Promise<LinkState>;
  /** @throws {TollgateError} of the store; the link may be used up then without having decided anything */
  readonly decide: (
    token: string,
    word: { readonly approve: boolean; readonly reason?: string | undefined; readonly from: string },
  ) => Promise<LinkAnswer>;
}

/** What a token says. */
export interface LinkClaim {
  readonly approval: string;
  readonly person: string;
  readonly expiresAt: EpochMs;
  readonly nonce: string;
}

const LONGEST_PERSON = 64;
/** A person of 64 characters in UTF-8, escaped by JSON, stays under this. */
const LONGEST_TOKEN = 1024;
const SECRET_BYTES = 32;
const NONCE_BYTES = 12;
/** The mark of a used link outlives the link, for clocks of nodes that differ, and for whoever opens it once more. */
const MARK_KEPT_MS = 24 * 3_600_000;

/** Where links lead: the page's path is `PATH/TOKEN`. Short, because links go into text messages. */
export const LINK_PATH = '/a';

/** @param baseUrl where this machine is reached, and what speaks against it */
export function createApprovalLinks(deps: {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly clock: Pick<Clock, 'now'>;
  readonly desk: Pick<ApprovalDesk, 'find'>;
  readonly decisions: Pick<Decisions, 'decide'>;
  readonly baseUrl: () => { readonly url: string; readonly warning: string | undefined };
}): ApprovalLinks {
  const { redis, keys, clock, desk } = deps;

  // Not kept in memory: whoever deletes the key has revoked every link, on all nodes at once.
  const madeSecret = async (): Promise<string> => {
    const fresh = randomBytes(SECRET_BYTES).toString('base64url');
    await redis.set(keys.linkSecret, fresh, 'NX');
    return (await redis.get(keys.linkSecret)) ?? fresh;
  };

  const claimOf = async (token: string): Promise<LinkClaim | undefined> => {
    if (!looksLikeToken(token)) return undefined;
    const secret = await redis.get(keys.linkSecret);
    return secret === null ? undefined : readToken(secret, token);
  };

  const stateOf = async (claim: LinkClaim): Promise<LinkState> => {
    const [known, mark] = await Promise.all([desk.find(claim.approval), redis.get(keys.usedLink(claim.nonce))]);
    if (known === undefined) return { state: 'unknown' };
    const { person } = claim;
    const use = readUse(mark);
    if (use !== undefined) return { state: 'used', person, known, use };
    const { settlement } = known;
    if (settlement !== undefined) return { state: 'settled', person, known, settlement };
    return { state: claim.expiresAt <= clock.now() ? 'expired' : 'open', person, known };
  };

  return {
    linkFor: async ({ id, expiresAt }, person) => {
      if (!isPerson(person)) {
        const wanted = `1 to ${LONGEST_PERSON} characters without line breaks`;
        throw new TollgateError('INVALID_REQUEST', `person: expected the name of whoever decides, ${wanted}`);
      }
      const nonce = randomBytes(NONCE_BYTES).toString('base64url');
      const token = signToken(await madeSecret(), { approval: id, person, expiresAt, nonce });
      const { url, warning } = deps.baseUrl();
      return { url: `${url}${LINK_PATH}/${token}`, expiresAt, warning };
    },
    open: async (token) => {
      const claim = await claimOf(token);
      return claim === undefined ? { state: 'unknown' } : stateOf(claim);
    },
    decide: async (token, { approve, reason, from }) => {
      const claim = await claimOf(token);
      if (claim === undefined) return { state: 'unknown' };
      const before = await stateOf(claim);
      if (before.state !== 'open') return before;
      const use: LinkUse = { approve, at: clock.now(), from };
      const keptMs = Math.max(0, claim.expiresAt - use.at) + MARK_KEPT_MS;
      const isFirst = await redis.set(keys.usedLink(claim.nonce), JSON.stringify(use), 'PX', keptMs, 'NX');
      if (isFirst === null) {
        const after = await stateOf(claim);
        // Only a store that lost the mark meanwhile could say so.
        return after.state === 'open' ? { state: 'unknown' } : after;
      }
      const { person } = claim;
      const settled = await deps.decisions.decide(claim.approval, { approve, by: `link ${person}`, from, reason });
      if (settled === undefined) return { state: 'unknown' };
      const { outcome, settlement } = settled;
      return outcome === 'late' && settlement !== undefined
        ? { state: 'settled', person, known: settled, settlement }
        : { state: 'decided', person, known: settled, approve };
    },
  };
}

const claimSchema = z.tuple([
  z.string().min(1).max(64),
  z.string().min(1).max(LONGEST_PERSON),
  z.int().transform((at) => at as EpochMs),
  z.string().regex(/^[\w-]{16}$/),
]);
const useSchema = z.object({
  approve: z.boolean(),
  at: z.int().transform((at) => at as EpochMs),
  from: z.string(),
});

const isPerson = (text: string): boolean =>
  text.trim() !== '' && text.length <= LONGEST_PERSON && !/[\p{Cc}\p{Cs}]/u.test(text);

const looksLikeToken = (token: string): boolean => token.length <= LONGEST_TOKEN && /^[\w-]+\.[\w-]{43}$/.test(token);

const signatureOf = (secret: string, payload: string): string =>
  createHmac('sha256', secret).update(payload).digest('base64url');

/** The claim as base64url JSON, a dot, and its signature: safe in any URL, and its last character is never `-` or `_`. */
export function signToken(secret: string, { approval, person, expiresAt, nonce }: LinkClaim): string {
  const payload = Buffer.from(JSON.stringify([approval, person, expiresAt, nonce])).toString('base64url');
  return `${payload}.${signatureOf(secret, payload)}`;
}

/** What a token says; undefined unless every character of it is as it was signed. Does not ask whether it is over. */
export function readToken(secret: string, token: string): LinkClaim | undefined {
  if (!looksLikeToken(token)) return undefined;
  const [payload = '', signature = ''] = token.split('.');
  // The text and not the bytes it stands for: base64url can write the same bytes in several ways.
  if (!timingSafeEqual(Buffer.from(signature), Buffer.from(signatureOf(secret, payload)))) return undefined;
  const claim = claimSchema.safeParse(jsonOf(Buffer.from(payload, 'base64url').toString()));
  if (!claim.success) return undefined;
  const [approval, person, expiresAt, nonce] = claim.data;
  return { approval, person, expiresAt, nonce };
}

function readUse(mark: string | null): LinkUse | undefined {
  return mark === null ? undefined : useSchema.safeParse(jsonOf(mark)).data;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
