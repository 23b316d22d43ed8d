/** `/api/v1/bans`: which addresses are kept out, why, since when and until when. */
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { type Ban, type BanChangeKind, type BanOrigin, type Evidence, namesTried, WIDEST } from '../bans/ban.ts';
import type { BanList } from '../bans/ban-list.ts';
import type { BanOutcome } from '../bans/ban-scripts.ts';
import type { FirewallService, KernelAnswer, KernelArrival } from '../bans/firewall-service.ts';
import { leavingAlone } from '../bans/left-alone.ts';
import type { Clock } from '../clock.ts';
import { TIMED_OUT, within } from '../deadline.ts';
import { TollgateError } from '../errors.ts';
import type { Audit } from '../people/audit-log.ts';
import { countOf, readRange } from '../policy/addresses.ts';
import type { EpochMs } from '../policy/call.ts';
import type { AllowedAddresses } from '../store/allowed-addresses.ts';
import type { LastHits } from '../store/last-hits.ts';
import { addedBan, banAnswer, ban as banReport, lifted as liftReport, listedBan } from './address-answers.ts';
import { notFound, ProblemError } from './problem.ts';
import type { ActOf } from './recorded-changes.ts';
import { type Api, limitOf, list, orNull, text, yesOrNo } from './schema.ts';
import { callerOf, rightsOf } from './who-asks.ts';

/** A ban as it is shown. Times are ISO 8601, UTC. */
export interface BanReport extends Omit<Ban, 'since' | 'until'> {
  readonly since: string;
  /** Null: for ever. */
  readonly until: string | null;
  readonly permanent: boolean;
  readonly lastHitAt: string | null;
  /** Two capital letters; null where no file of countries knows the address. */
  readonly country: string | null;
  /** Packets from and to it that the packet filter dropped; null where nothing is counted. */
  readonly dropped: number | null;
}

export interface BansPage {
  readonly bans: readonly (BanReport & {
    /** User names that were tried from there; absent where nobody asked, null while the store cannot be asked. */
    readonly namesTried?: readonly string[] | null;
  })[];
  /** How many there are on all pages. */
  readonly total: number;
  readonly cursor: string | null;
}

export interface AddedBan extends BanReport {
  readonly outcome: BanOutcome;
  /** Of this ban and the others; null without a packet filter. */
  readonly kernel: KernelArrival | null;
  /** Where the ban was made around allowed addresses: its other networks. */
  readonly others: readonly (BanReport & { readonly outcome: BanOutcome })[];
}

export interface ChangeReport {
  readonly what: BanChangeKind;
  readonly at: string;
  readonly by: string;
  readonly reason: string;
}

/** The answer to "is it banned, and why?". */
export type BanAnswerReport = (
  | ({ readonly banned: true } & BanReport)
  | { readonly banned: false; readonly address: string }
) & {
  readonly asked: string;
  /** The entry of the allowlist that decides for it; then no ban has an effect. */
  readonly allowedBy: {
    readonly id: string;
    readonly name: string;
    readonly value: string;
    readonly exempt: boolean;
  } | null;
  /** Wider bans that hold it too. */
  readonly alsoBannedBy: readonly string[];
  /** Oldest first; null while the store cannot be asked. */
  readonly evidence: readonly { readonly at: string; readonly event: string }[] | null;
  /** User names that the evidence tells of. */
  readonly namesTried: readonly string[] | null;
  /** Newest first; null while the store cannot be asked. */
  readonly history: readonly ChangeReport[] | null;
  /** Why calls from there are refused for its country; null if they are not. */
  readonly countryRefusal: string | null;
  /** As the packet filter has it; null without one, or where it cannot be asked. */
  readonly kernel: KernelAnswer | null;
  /** No automatic ban holds it until then; null: one may. */
  readonly leftAlone: { readonly address: string; readonly until: string; readonly by: string } | null;
};

export interface LiftReport {
  readonly address: string;
  readonly lifted: boolean;
  /** Why not, or what still holds it. */
  readonly detail: string;
  /** What became of it in the kernel; null without a packet filter, or where nothing was lifted. */
  readonly kernel: KernelArrival | null;
  /** Until then no automatic ban holds it; null: one may come at once. */
  readonly leftAloneUntil: string | null;
}

const listQuery = z.strictObject({
  limit: limitOf(100),
  cursor: z.string().max(100).optional(),
  search: z.string().trim().max(200).optional(),
  service: z.string().max(32).optional(),
  origin: z.enum(['manual', 'automatic'] satisfies BanOrigin[]).optional(),
  permanent: z.enum(['true', 'false']).optional(),
  /** Also the user names that were tried. */
  names: yesOrNo,
});

const line = (most: number) =>
  z
    .string()
    .trim()
    .max(most, { error: `is longer than ${most} characters` })
    .regex(/^[^\p{Cc}]*$/u, { error: 'holds a control character' });
const TEN_YEARS_SECONDS = 10 * 365 * 86_400;
const DEFAULT_SECONDS = 86_400;

const addBody = z
  .strictObject({
    address: z.string({
      error: 'is missing; write an address such as 203.0.113.9, or a network such as 203.0.113.0/24',
    }),
    reason: line(300).optional(),
    seconds: z.int().min(1).max(TEN_YEARS_SECONDS).optional(),
    permanent: z.boolean().default(false),
    service: line(32).default('all'),
    protocol: line(16).nullable().default(null),
    attackedPort: z.int().min(1).max(65_535).nullable().default(null),
    aroundAllowed: z.boolean().default(false),
    force: z.boolean().default(false),
    /** The address of the person who asks, so that he is not cut off. */
    caller: z.string().max(100).optional(),
  })
  .refine((body) => !(body.permanent && body.seconds !== undefined), {
    error: 'contradicts permanent; give one of them',
    path: ['seconds'],
  });
const byAddress = z.strictObject({ address: z.string().max(100) });
const WEEK_SECONDS = 7 * 86_400;
const lasts = 'is not a whole number of seconds from a minute to 7 days';
const liftBody = z.strictObject({
  addresses: z.array(z.string().max(100)).min(1).max(1000),
  /** For so long none of them is banned automatically. */
  leaveAloneSeconds: z.int({ error: lasts }).min(60, { error: lasts }).max(WEEK_SECONDS, { error: lasts }).optional(),
});

const HISTORY_SHOWN = 20;
/** A list is shown without what was dropped where the packet filter takes longer to say. */
const COUNTED_WITHIN_MS = 2000;
/** Each is asked for by itself. */
const MOST_UNBLOCKED = 16;

export function banRoutes(
  app: Api,
  deps: {
    readonly bans: BanList;
    readonly allowed: AllowedAddresses;
    readonly hits: LastHits;
    readonly countryOf: (address: string) => string | undefined;
    readonly countryRefusal: (address: string) => string | undefined;
    readonly firewall: Pick<FirewallService, 'counters' | 'inKernel' | 'unblock' | 'untilBanned' | 'untilLifted'>;
    readonly clock: Pick<Clock, 'now'>;
    readonly audit: Audit;
    readonly act: ActOf;
  },
): void {
  const { bans, allowed, firewall, audit, act } = deps;

  const report = async (wanted: readonly Ban[]): Promise<BanReport[]> => {
    // While the store is away the list is shown without them.
    const hits = await deps.hits.of(wanted.map(({ address }) => address)).catch(() => new Map<string, EpochMs>());
    const counters = await within(firewall.counters(), COUNTED_WITHIN_MS);
    const counted = counters === TIMED_OUT ? undefined : counters?.bans;
    return wanted.map((ban) => {
      const last = hits.get(ban.address);
      const lastHitAt = last === undefined ? null : iso(last);
      const until = ban.until === null ? null : iso(ban.until);
      const country = deps.countryOf(ban.address.split('/', 1)[0] ?? '') ?? null;
      const dropped = counted === undefined ? null : (counted.get(ban.address)?.packets ?? 0);
      return { ...ban, since: iso(ban.since), until, permanent: ban.until === null, lastHitAt, country, dropped };
    });
  };

  app.get(
    '/api/v1/bans',
    {
      schema: {
        summary: 'Who is kept out, the newest first',
        querystring: listQuery,
        response: { 200: z.strictObject({ bans: list(listedBan), total: z.number(), cursor: orNull(text) }) },
      },
    },
    async (request): Promise<BansPage> => {
      const { permanent, names, ...query } = request.query;
      const page = bans.list({ ...query, permanent: permanent === undefined ? undefined : permanent === 'true' });
      const reports = await report(page.bans);
      if (names === 'false') return { ...page, bans: reports };
      const tried = await bans.namesTriedBy(page.bans.map(({ address }) => address)).catch(() => undefined);
      return { ...page, bans: reports.map((ban, at) => ({ ...ban, namesTried: tried?.[at] ?? null })) };
    },
  );

  app.get(
    '/api/v1/bans/:address',
    { schema: { summary: 'Whether an address is banned, and why', params: byAddress, response: { 200: banAnswer } } },
    async (request): Promise<BanAnswerReport> => {
      const asked = request.params.address;
      const read = readRange(asked);
      if ('problem' in read)
        throw new ProblemError('INVALID_REQUEST', [{ path: '', message: `"${asked}" ${read.problem}` }]);
      const exact = bans.get(asked);
      const holding = bans.holding(asked);
      const [main, ...others] = exact === undefined ? holding : [exact, ...holding.filter((ban) => ban !== exact)];
      const address = main?.address ?? asked;
      const entry = allowed.covering(read.range);
      const [evidence, history, alone] = await Promise.all([
        main === undefined ? [] : bans.evidenceOf(address).catch(() => null),
        bans.history({ address, limit: HISTORY_SHOWN }).then(
          (changes) => changes.map(({ what, at, by, ban }) => ({ what, at: iso(at), by, reason: ban.reason })),
          () => null,
        ),
        bans.leftAlone.list().catch(() => []),
      ]);
      const leaving = leavingAlone(alone, read.range);
      const rest = {
        asked,
        allowedBy:
          entry === undefined
            ? null
            : { id: entry.id, name: entry.name, value: entry.value, exempt: allowed.exempts(entry) },
        alsoBannedBy: others.map((ban) => ban.address),
        evidence: evidence === null ? null : reportEvidence(evidence),
        namesTried: evidence === null ? null : namesTried(evidence),
        history,
        countryRefusal: deps.countryRefusal(asked) ?? null,
        kernel: (await firewall.inKernel(asked).catch(() => undefined)) ?? null,
        leftAlone:
          leaving === undefined ? null : { address: leaving.address, until: iso(leaving.until), by: leaving.by },
      };
      const [shown] = main === undefined ? [] : await report([main]);
      return shown === undefined ? { banned: false, address, ...rest } : { banned: true, ...shown, ...rest };
    },
  );

  app.post(
    '/api/v1/bans',
    { schema: { summary: 'Ban an address or a network', body: addBody, response: { 201: addedBan } } },
    async (request, reply) => {
      const { body } = request;
      if (body.permanent && !rightsOf(request).has('bans:permanent'))
        throw new TollgateError('FORBIDDEN', 'only an owner bans for ever; ban for a time, to ten years');
      const what = act(request, 'bans.add', `ban ${body.address}`);
      const before = bans.get(body.address);
      const answer = await bans.add({
        ...body,
        caller: body.caller ?? callerOf(request).address,
        // Who makes a ban longer and says no more keeps what was said.
        reason: body.reason ?? bans.get(body.address)?.reason ?? 'banned by hand',
        origin: 'manual',
        lastsMs: body.permanent ? null : (body.seconds ?? DEFAULT_SECONDS) * 1000,
        defenceType: 'by hand',
        by: what.by,
      });
      if ('refused' in answer) {
        if (answer.because === 'not-an-address')
          throw new ProblemError('INVALID_REQUEST', [{ path: 'address', message: answer.refused }]);
        throw new TollgateError('CONFLICT', answer.refused);
      }
      const made = answer.bans.filter(({ outcome }) => outcome !== 'unchanged').map(({ ban }) => recorded(ban));
      if (made.length > 0) {
        const reason = body.reason;
        await audit({ ...what, reason, before: recorded(before), after: made.length === 1 ? made[0] : made });
      }
      const kernel = (await firewall.untilBanned(answer.bans.map(({ ban }) => ban.address))) ?? null;
      const reports = await report(answer.bans.map(({ ban }) => ban));
      const [first, ...others] = reports.map((each, at) => ({ ...each, outcome: answer.bans[at]?.outcome ?? 'added' }));
      if (first === undefined) throw new Error('a ban was made and not answered');
      return reply.code(201).send({ ...first, kernel, others } satisfies AddedBan);
    },
  );

  /** What packet protection keeps out by itself is no ban, and those who want to let somebody in need not know that. */
  const unblock = async (address: string): Promise<boolean> => firewall.unblock(address).catch(() => false);

  const lift = async (
    addresses: readonly string[],
    request: FastifyRequest,
    leaveAloneSeconds = 0,
  ): Promise<readonly LiftReport[]> => {
    if (leaveAloneSeconds > 0) refuseToLeaveAlone(addresses);
    const acts = addresses.map((address) => act(request, 'bans.lift', `ban ${address}`));
    const lifted = await bans.lift(addresses, acts[0]?.by ?? '', leaveAloneSeconds * 1000);
    const leftAloneUntil =
      leaveAloneSeconds === 0 ? null : new Date(deps.clock.now() + leaveAloneSeconds * 1000).toISOString();
    const after = leftAloneUntil === null ? {} : { after: { leftAloneUntil } };
    await Promise.all(
      acts.flatMap((what, at) =>
        lifted[at] === undefined && leftAloneUntil === null
          ? []
          : [audit({ ...what, before: recorded(lifted[at]), ...after })],
      ),
    );
    const gone = (await firewall.untilLifted(addresses.filter((_, at) => lifted[at] !== undefined))) ?? null;
    const unblocked = await Promise.all(
      addresses.map((address, at) => lifted[at] === undefined && at < MOST_UNBLOCKED && unblock(address)),
    );
    await Promise.all(
      acts.flatMap((what, at) =>
        unblocked[at] === true ? [audit({ ...what, before: { blockedBy: 'packet protection' } })] : [],
      ),
    );
    return addresses.map((address, at): LiftReport => {
      const read = readRange(address);
      if ('problem' in read)
        return { address, lifted: false, detail: read.problem, kernel: null, leftAloneUntil: null };
      const isLifted = lifted[at] !== undefined;
      const kernel = isLifted ? gone : null;
      const around = bans.holding(address).map((ban) => ban.address);
      if (around.length > 0) {
        const still = `is ${isLifted ? 'still ' : ''}banned as part of ${around.join(' and ')}; lift that to let it in`;
        return { address, lifted: isLifted, detail: still, kernel, leftAloneUntil };
      }
      if (unblocked[at] === true)
        return { address, lifted: true, detail: 'was blocked by packet protection', kernel, leftAloneUntil };
      return { address, lifted: isLifted, detail: isLifted ? '' : 'is not banned', kernel, leftAloneUntil };
    });
  };

  app.post(
    '/api/v1/bans/lift',
    { schema: { summary: 'Lift bans; answers for each', body: liftBody, response: { 200: list(liftReport) } } },
    (request) => lift(request.body.addresses, request, request.body.leaveAloneSeconds),
  );

  app.delete(
    '/api/v1/bans/:address',
    { schema: { summary: 'Lift one ban', params: byAddress, response: { 200: banReport } } },
    async (request) => {
      const { address } = request.params;
      const ban = bans.get(address);
      const [shown] = ban === undefined ? [] : await report([ban]);
      const [result] = await lift([address], request);
      if (result?.lifted !== true || shown === undefined)
        throw notFound('ban of', address, `it ${result?.detail ?? ''}`);
      return shown;
    },
  );
}

/** As wide as a ban may be that nobody insists on. @throws {ProblemError} */
function refuseToLeaveAlone(addresses: readonly string[]): void {
  const problems = addresses.flatMap((address, at) => {
    const read = readRange(address);
    const problem =
      'problem' in read
        ? read.problem
        : countOf(read.range) > WIDEST[read.range.family]
          ? 'is too wide to be left alone by automatic bans; name what is meant'
          : undefined;
    return problem === undefined ? [] : [{ path: `addresses[${at}]`, message: `"${address}" ${problem}` }];
  });
  if (problems.length > 0) throw new ProblemError('INVALID_REQUEST', problems);
}

/** A ban as the audit log has it. */
const recorded = (ban: Ban | undefined) =>
  ban === undefined ? undefined : { ...ban, since: iso(ban.since), until: ban.until === null ? null : iso(ban.until) };

const iso = (at: EpochMs): string => new Date(at).toISOString();

const reportEvidence = (evidence: readonly Evidence[]): { readonly at: string; readonly event: string }[] =>
  evidence.map(({ at, event }) => ({ at: iso(at), event }));
