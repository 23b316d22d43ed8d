/**
 * `GET /api/v1/events`: what happens, as server-sent events, for whoever is logged in and as far as he may see it.
 *
 * Guarantees
 * - A client that comes back with `Last-Event-ID` gets what he missed, in order and once, or `resync`.
 * - A heartbeat each 5 s, so that silence means that the line is gone; it carries the time of this daemon.
 * - A reader that does not keep up is cut off rather than buffered for ever, and comes back with his last id.
 * - It ends with the log-in, as every stream does (authorize.ts).
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { TollgateError } from '../errors.ts';
import { EVENT_ID, EVENT_TYPES, type EventType, isLater, type LiveEvent } from '../live-events/event.ts';
import type { LiveEvents } from '../live-events/live-events.ts';
import { EVENT_NEEDS } from './permissions.ts';
import { parse } from './problem.ts';
import type { Api } from './schema.ts';
import { rightsOf, whoAsks } from './who-asks.ts';

const HEARTBEAT_MS = 5000;
/** Some thousand events, or a minute of a busy gate. */
const MOST_UNREAD_BYTES = 512 * 1024;
/** Browsers share one stream among their tabs; more are programs that forgot to close theirs. */
const MOST_OF_ONE = 12;
const RETRY_MS = 2000;

const eventId = z.string().regex(EVENT_ID, { error: 'is no id of this stream; leave it out to begin now' });
const query = z.strictObject({
  /** Separated by commas; left out: all that one may see. */
  types: z
    .string()
    .max(200)
    .transform((words) => words.split(','))
    .pipe(z.array(z.enum(EVENT_TYPES, { error: `is not known; there are ${EVENT_TYPES.join(', ')}` })))
    .optional(),
  /** As the header `Last-Event-ID`, for those who cannot send one. */
  lastEventId: eventId.optional(),
});

export function eventRoutes(
  app: Api,
  deps: { readonly events: LiveEvents; readonly node: string; readonly clock: Pick<Clock, 'now'> },
): void {
  const open = new Map<string, number>();
  app.get(
    '/api/v1/events',
    {
      schema: {
        summary: 'What happens, as server-sent events',
        querystring: query,
        response: { 200: z.string().meta({ contentMediaType: 'text/event-stream' }) },
      },
    },
    async (request, reply) => {
      const { types, lastEventId } = request.query;
      const header = request.headers['last-event-id'];
      const from = header === undefined ? lastEventId : parse(eventId, header);
      const who = whoAsks(request);
      const count = open.get(who) ?? 0;
      if (count >= MOST_OF_ONE)
        throw new TollgateError('TOO_MANY', `you follow ${count} times already; close one of them first`);
      const seen = typesFor(request);
      const wanted = new Set(EVENT_TYPES.filter((type) => seen.has(type) && (types?.includes(type) ?? true)));
      wanted.add('resync');
      open.set(who, count + 1);
      reply.raw.once('close', () => {
        const left = (open.get(who) ?? 1) - 1;
        if (left === 0) open.delete(who);
        else open.set(who, left);
      });
      await stream(reply, { ...deps, wanted, from });
    },
  );
}

function typesFor(request: FastifyRequest): ReadonlySet<EventType> {
  const rights = rightsOf(request);
  return new Set(EVENT_TYPES.filter((type) => rights.has(EVENT_NEEDS[type])));
}

async function stream(
  reply: FastifyReply,
  deps: {
    readonly events: LiveEvents;
    readonly node: string;
    readonly clock: Pick<Clock, 'now'>;
    readonly wanted: ReadonlySet<EventType>;
    readonly from: string | undefined;
  },
): Promise<void> {
  const { events, node, clock, wanted, from } = deps;
  const { raw } = reply;
  const now = (): string => new Date(clock.now()).toISOString();
  let place: string | undefined;
  /** What happens while the past is read. */
  let held: LiveEvent[] | undefined = [];
  let stop: (() => void) | undefined;
  let heartbeat: NodeJS.Timeout | undefined;
  let isOver = false;
  raw.once('close', () => {
    isOver = true;
    clearInterval(heartbeat);
    stop?.();
  });

  const write = (text: string): void => {
    if (raw.writableLength > MOST_UNREAD_BYTES) raw.destroy();
    else if (!raw.destroyed) raw.write(text);
  };
  const send = ({ id, type, data }: LiveEvent): void => {
    if (place !== undefined && !isLater(id, place)) return;
    place = id;
    if (wanted.has(type)) write(`id: ${id}\nevent: ${type}\ndata: ${data}\n\n`);
  };
  const onEvent = (event: LiveEvent): void => void (held === undefined ? send(event) : held.push(event));

  // A store that is away is answered as everywhere, before anything was sent.
  const stopFollowing = await events.follow(onEvent);
  stop = stopFollowing;
  const begun = { last: await events.last(), missed: from === undefined ? [] : await events.since(from) };
  if (isOver) return stopFollowing();
  reply.hijack();
  raw.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' });
  const first = begun.missed === undefined || from === undefined ? begun.last : from;
  const hello = JSON.stringify({ serverTime: now(), node, heartbeatSeconds: HEARTBEAT_MS / 1000 });
  write(`retry: ${RETRY_MS}\nid: ${first}\nevent: hello\ndata: ${hello}\n\n`);
  place = first;
  if (begun.missed === undefined) write('event: resync\ndata: {}\n\n');
  for (const event of [...(begun.missed ?? []), ...held]) send(event);
  held = undefined;
  heartbeat = setInterval(
    () => write(`event: heartbeat\ndata: ${JSON.stringify({ serverTime: now() })}\n\n`),
    HEARTBEAT_MS,
  );
}
