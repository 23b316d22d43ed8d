/** `/api/v1/calls/live`: calls under way on all daemons, and their end. */
import { z } from 'zod';
import type { CallEnder } from '../live-calls/call-ender.ts';
import { describeWhich, type WhichCalls } from '../live-calls/which-calls.ts';
import type { ActOf } from './recorded-changes.ts';
import { type Api, instant, list, orNull, text } from './schema.ts';

const liveCall = z.strictObject({
  decision: text,
  startedAt: instant,
  seconds: z.int(),
  /** Since it was answered; null before, and where no manager interface tells. */
  talkSeconds: orNull(z.int()),
  maxSeconds: orNull(z.int()),
  /** Money so far; null where no rule with `spend` counts the call. */
  cost: orNull(z.number()),
  extension: orNull(text),
  destination: text,
  trunk: orNull(text),
  channel: text,
  /** The Asterisk that has it; null where no manager interface tells. */
  asterisk: orNull(text),
  /** The daemon that let it go and counts it. */
  node: text,
  /** False while that daemon is away: the call may be over. */
  isCounted: z.boolean(),
});

const endedCall = z.strictObject({
  decision: text,
  extension: orNull(text),
  destination: text,
  trunk: orNull(text),
  asterisk: orNull(text),
  node: text,
  /** `failed`: it goes on as far as anybody knows. */
  outcome: z.enum(['ended', 'over', 'failed']),
  /** Why it failed; else empty, or what is to be known beside it. */
  detail: text,
});

const name = z.string().trim().min(1, { error: 'is empty' }).max(128).optional();
const WHICH = ['decision', 'extension', 'trunk', 'destination', 'all'] as const;
const order = z
  .strictObject({
    decision: name,
    extension: name,
    trunk: name,
    /** A number, a class such as `international` or `country:CU`, or the name of an own list. */
    destination: name,
    all: z.literal(true, { error: 'is not true; leave it out to end some calls only' }).optional(),
    reason: z.string().trim().max(300).optional(),
  })
  .refine((body) => WHICH.filter((key) => body[key] !== undefined).length === 1, {
    error: `says which calls by one of ${WHICH.join(', ')}`,
  });

function whichOf({ decision, extension, trunk, destination }: z.infer<typeof order>): WhichCalls {
  if (decision !== undefined) return { decision };
  if (extension !== undefined) return { extension };
  if (trunk !== undefined) return { trunk };
  return destination === undefined ? { all: true } : { destination };
}

export function liveCallRoutes(app: Api, deps: { readonly ender: CallEnder; readonly act: ActOf }): void {
  const { ender, act } = deps;
  app.get(
    '/api/v1/calls/live',
    { schema: { summary: 'Calls under way, the longest first', response: { 200: list(liveCall) } } },
    () => ender.list(),
  );
  app.post(
    '/api/v1/calls/live/end',
    {
      schema: {
        summary: 'End calls under way; answers for each call what became of it',
        body: order,
        response: { 200: list(endedCall) },
      },
    },
    (request) => {
      const which = whichOf(request.body);
      const { by, from } = act(request, 'calls.end', describeWhich(which));
      return ender.end(which, { by, from, reason: request.body.reason });
    },
  );
}
