/**
 * The page: its one document at the address of each screen, and the built files that it loads.
 *
 * It shows nothing by itself, everything in it comes by the API; so it needs no log-in, and is for those alone who may
 * come. Its policy allows scripts and styles of this origin and nothing else; what the component library writes into
 * `<style>` at run time carries a nonce of its own in every answer. What lies under `assets/` has its content in its name
 * and is kept by browsers for ever.
 */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyReply } from 'fastify';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { WebRoutes } from './web-server.ts';

/** First parts of the addresses of the page; all others are none of its. */
export const SCREENS = [
  'first-run',
  'approvals',
  'calls',
  'rules',
  'members',
  'schedules',
  'allowed-ips',
  'blocked-ips',
  'alerts',
  'settings',
  'users',
  'account',
  'audit-log',
  'health',
] as const;

/** Where `npm run build` puts the page, seen from the sources and from what is built of them. */
const BUILT = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../../dist/page/' : '../page/', import.meta.url),
);
const NONCE_PLACE = '__NONCE__';
const A_YEAR_MS = 365 * 86_400_000;

/** @param deps.folder of the built page, for tests */
export function pageRoutes(deps: { readonly log: Log; readonly folder?: string }): WebRoutes {
  const folder = deps.folder ?? BUILT;
  return async (app) => {
    const document = await readFile(join(folder, 'index.html'), 'utf8').catch((error: unknown) => {
      deps.log.warn({ problem: messageOf(error) }, 'the page was not built: npm run build; the API works without it');
      return undefined;
    });
    if (document === undefined) return;
    await app.register(fastifyStatic, {
      root: join(folder, 'assets'),
      prefix: '/assets/',
      preCompressed: true,
      index: false,
      list: false,
      immutable: true,
      maxAge: A_YEAR_MS,
      decorateReply: false,
    });
    const show = (_request: unknown, reply: FastifyReply): FastifyReply => {
      const nonce = randomBytes(16).toString('base64');
      return reply
        .header('content-security-policy', policyWith(nonce))
        .header('permissions-policy', 'camera=(), geolocation=(), microphone=(), payment=(), usb=()')
        .type('text/html; charset=utf-8')
        .send(document.replaceAll(NONCE_PLACE, nonce));
    };
    for (const path of ['/', ...SCREENS.flatMap((screen) => [`/${screen}`, `/${screen}/*`])]) app.get(path, show);
  };
}

const policyWith = (nonce: string): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
