/**
 * `GET /api/v1/openapi.json`: the API described by the very schemas that its routes check requests by and are typed by.
 *
 * A route without a summary, or without an answer, keeps the daemon from starting, so that none can be forgotten.
 */
import type { FastifyInstance, RouteOptions } from 'fastify';
import { z } from 'zod';
import { needOf } from './permissions.ts';
import { descriptionOf } from './schema.ts';

type JsonSchema = Readonly<Record<string, unknown>>;

interface RouteSchema {
  readonly summary: string;
  readonly params?: z.ZodType;
  readonly querystring?: z.ZodType;
  readonly body?: z.ZodType;
  readonly response: Readonly<Record<string, z.ZodType>>;
}

interface DescribedRoute {
  readonly method: string;
  /** As registered: `/api/v1/rules/:id`. */
  readonly url: string;
  readonly schema: RouteSchema;
}

/**
 * Notes every route that is registered on an app from now on.
 *
 * @returns what registers the document's own route, to be called behind the last one
 */
export function describeRoutes(app: FastifyInstance): (version: () => string) => void {
  const routes: DescribedRoute[] = [];
  let done = false;
  app.addHook('onRoute', (route) => {
    if (done) return;
    for (const method of [route.method].flat())
      if (method !== 'HEAD') routes.push({ method, url: route.url, schema: schemaOf(route) });
  });
  return (version) => {
    let document: string | undefined;
    app.get(
      '/api/v1/openapi.json',
      { schema: { summary: 'This document', response: { 200: z.looseObject({}) } } },
      (_request, reply) => {
        document ??= JSON.stringify(openApi(routes, version()));
        // Already text, and not to be written as text once more.
        return reply.type('application/json; charset=utf-8').serializer(String).send(document);
      },
    );
    done = true;
  };
}

function schemaOf({ method, url, schema }: RouteOptions): RouteSchema {
  if (!isRouteSchema(schema)) throw new Error(`${String(method)} ${url} says not what it is for, or what it answers`);
  return schema;
}

const isRouteSchema = (schema: unknown): schema is RouteSchema =>
  typeof schema === 'object' &&
  schema !== null &&
  'summary' in schema &&
  typeof schema.summary === 'string' &&
  'response' in schema;

/** OpenAPI 3.1.1, whose schemas are JSON Schema 2020-12. */
export function openApi(routes: readonly DescribedRoute[], version: string): JsonSchema {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const { method, url, schema } of routes) {
    const path = url.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [method.toLowerCase()]: operationOf(method, url, schema) };
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Tollgate',
      version,
      description: 'Decides, while an outbound Asterisk call is being set up, whether that call may go.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer' },
        logIn: { type: 'apiKey', in: 'cookie', name: 'tollgate' },
      },
      schemas: { Problem: schemaFor(problem, 'output') },
    },
  };
}

const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.string(),
  detail: z.string(),
  problems: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
});

function operationOf(method: string, url: string, schema: RouteSchema): JsonSchema {
  const need = needOf(method, url);
  const { summary, params, querystring, body, response } = schema;
  const names = [...url.matchAll(/:(\w+)/g)].map(([, name = '']) => name);
  const inPath = params === undefined ? {} : propertiesOf(schemaFor(params, 'input')).properties;
  const query = querystring === undefined ? undefined : propertiesOf(schemaFor(querystring, 'input'));
  return {
    operationId: `${method.toLowerCase()} ${url.replace('/api/v1/', '')}`.replace(/\W+(\w)/g, (_, next: string) =>
      next.toUpperCase(),
    ),
    tags: [url.split('/')[3]],
    summary,
    'x-permission': need,
    security: need === 'nobody' ? [] : [{ key: [] }, { logIn: [] }],
    parameters: [
      ...names.map((name) => ({ name, in: 'path', required: true, schema: inPath[name] ?? { type: 'string' } })),
      ...Object.entries(query?.properties ?? {}).map(([name, each]) => ({
        ...{ name, in: 'query', required: query?.required.includes(name) ?? false, schema: each },
      })),
    ],
    ...(body === undefined || isNothing(body)
      ? {}
      : {
          requestBody: {
            required: !body.safeParse(undefined).success,
            content: { 'application/json': { schema: schemaFor(body, 'input') } },
          },
        }),
    responses: {
      ...Object.fromEntries(Object.entries(response).map(([status, answer]) => [status, answerOf(answer)])),
      default: {
        description: 'A problem (RFC 9457)',
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  };
}

function answerOf(answer: z.ZodType): JsonSchema {
  const type = answer.meta()?.['contentMediaType'];
  const media = typeof type === 'string' ? type : 'application/json';
  return { description: 'Done', content: { [media]: { schema: schemaFor(answer, 'output') } } };
}

/** A body of which nothing may be sent. */
const isNothing = (body: z.ZodType): boolean =>
  body.safeParse({}).success &&
  !body.safeParse({ unexpected: 1 }).success &&
  Object.keys(propertiesOf(schemaFor(body, 'input')).properties).length === 0;

/** What JSON Schema cannot say (a check by a function) is checked all the same, and told with its path. */
function schemaFor(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const { $schema: _, ...json } = z.toJSONSchema(descriptionOf(schema), {
    ...{ io, unrepresentable: 'any', reused: 'inline' },
    override: ({ zodSchema, jsonSchema }) => {
      const described = zodSchema instanceof z.ZodType ? descriptionOf(zodSchema) : zodSchema;
      if (described === zodSchema || !(described instanceof z.ZodType)) return;
      for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
      Object.assign(jsonSchema, schemaFor(described, io));
    },
  });
  return json;
}

function propertiesOf(json: JsonSchema): {
  readonly properties: Readonly<Record<string, unknown>>;
  readonly required: readonly unknown[];
} {
  const { properties, required } = json;
  return {
    properties: typeof properties === 'object' && properties !== null ? { ...properties } : {},
    required: Array.isArray(required) ? required : [],
  };
}
