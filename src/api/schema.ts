/**
 * Routes as they say of themselves what they take and answer: zod schemas in Fastify's own `schema`, by which requests are
 * checked, handlers are typed, and the OpenAPI document is made (openapi.ts).
 *
 * Answers are typed by their schema and not checked at run time; a test checks real ones against the document.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance, FastifyTypeProvider, RawServerDefault } from 'fastify';
import { z } from 'zod';
import { parse } from './problem.ts';

export interface ZodTypes extends FastifyTypeProvider {
  readonly validator: this['schema'] extends z.ZodType ? z.output<this['schema']> : unknown;
  readonly serializer: this['schema'] extends z.ZodType ? z.input<this['schema']> : unknown;
}

/** What routes are registered on. */
export type Api = FastifyInstance<RawServerDefault, IncomingMessage, ServerResponse, FastifyBaseLogger, ZodTypes>;

/**
 * Makes an app check requests by zod. To be called before its first route. A route that changes something and says nothing
 * of a body takes none: what is sent all the same is refused.
 */
export function checkBySchema(app: FastifyInstance): Api {
  app.addHook('onRoute', (route) => {
    const isRead = [route.method].flat().every((method) => method === 'GET' || method === 'HEAD');
    if (!isRead) route.schema = { body: noBody, ...route.schema };
  });
  app.setValidatorCompiler<z.ZodType>(({ schema, httpPart }) => (data) => {
    try {
      // A body that was not sent comes as null.
      return { value: parse(schema, httpPart === 'body' && data === null ? undefined : data) };
    } catch (error) {
      return { error: error instanceof Error ? error : new Error(String(error)) };
    }
  });
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  return app.withTypeProvider<ZodTypes>();
}

/**
 * What stands in the OpenAPI document for a schema. For what is checked elsewhere, as a rule is with the whole policy: by
 * the very schema that is named here.
 */
const descriptions = new WeakMap<z.ZodType, z.ZodType>();
export function describedBy<T extends z.ZodType>(schema: T, by: z.ZodType): T {
  descriptions.set(schema, by);
  return schema;
}
export const descriptionOf = (schema: z.ZodType): z.ZodType => descriptions.get(schema) ?? schema;

/** Of an answer to which other parts may add fields. */
export const open = <T extends z.ZodRawShape>(shape: T) => describedBy(z.object(shape), z.looseObject(shape));

/** A list of an answer. */
export const list = <T extends z.ZodType>(of: T) => z.array(of).readonly();

/** Of an answer: ISO 8601, UTC. */
export const instant = z.string().meta({ format: 'date-time' });
export const text = z.string();
/** One JSON object a line, for as long as it goes on. */
export const jsonLines = z.unknown().meta({ contentMediaType: 'application/x-ndjson' });
export const orNull = <T extends z.ZodType>(of: T) => of.nullable();

/** Of a request. */
export const time = z.iso.datetime({ offset: true, error: 'is not a time; write one like 2026-11-21T18:30:00Z' });
export const yesOrNo = z.enum(['true', 'false'], { error: 'is not known; write true or false' }).default('false');
export const limitOf = (standard: number, most = 1000) => z.coerce.number().int().min(1).max(most).default(standard);
export const byId = z.strictObject({ id: z.string().max(200) });
export const noBody = z.strictObject({}).optional();
