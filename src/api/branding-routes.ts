/**
 * `/api/v1/branding`: name, colour and logo of the installation, for everybody who sees the log-in page; and the logo, set
 * and removed. Name and colour are settings.
 */
import { z } from 'zod';
import type { Audit } from '../people/audit-log.ts';
import { contrast, lightened } from '../policy/contrast.ts';
import { DARK_PAGE, LEAST_CONTRAST, type Settings } from '../policy/settings.ts';
import type { LogoStore } from '../store/logo-store.ts';
import { LARGEST_LOGO_BYTES, LOGO_TYPES, problemOfLogo } from './logo.ts';
import { notFound, ProblemError } from './problem.ts';
import type { ActOf } from './recorded-changes.ts';
import { type Api, orNull, text } from './schema.ts';

const branding = z.strictObject({
  name: text,
  colour: orNull(text),
  /** The same on a dark page: lighter where it has to be. */
  colourOnDark: orNull(text),
  /** Address of the picture, another one for each file; null where there is none. */
  logo: orNull(text),
});
const LOGO = '/api/v1/branding/logo';

export function brandingRoutes(
  app: Api,
  deps: {
    readonly settings: () => Settings;
    readonly logo: LogoStore;
    readonly audit: Audit;
    readonly act: ActOf;
  },
): void {
  const { logo, audit, act } = deps;
  app.get(
    '/api/v1/branding',
    { schema: { summary: 'Name, colour and logo, for the log-in page', response: { 200: branding } } },
    async () => {
      const { name, colour } = deps.settings().branding;
      // The log-in page is there while the store is away.
      const found = await logo.digest().catch(() => undefined);
      const isDarkEnough = colour === null || contrast(colour, DARK_PAGE) >= LEAST_CONTRAST;
      return {
        name,
        colour,
        colourOnDark: colour === null || isDarkEnough ? colour : lightened(colour, DARK_PAGE, LEAST_CONTRAST),
        logo: found === undefined ? null : `${LOGO}?v=${found.digest.slice(0, 16)}`,
      };
    },
  );
  app.get(
    LOGO,
    {
      schema: {
        summary: 'The logo',
        querystring: z.strictObject({ v: z.string().max(64).optional() }),
        response: { 200: z.unknown().meta({ contentMediaType: 'image/*' }) },
      },
    },
    async (_request, reply) => {
      const found = await logo.get();
      if (found === undefined) throw notFound('logo', 'logo', 'none was set');
      return reply
        .type(found.type)
        .headers({
          'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox",
          'cache-control': 'public, max-age=86400',
          'content-disposition': 'inline; filename="logo"',
        })
        .send(found.file);
    },
  );
  app.put(
    LOGO,
    {
      schema: {
        summary: 'Set the logo, a PNG or an SVG in base64',
        body: z.strictObject({
          type: z.enum(LOGO_TYPES, { error: 'is not known; write image/png or image/svg+xml' }),
          file: z.base64({ error: 'is not base64' }).max(Math.ceil((LARGEST_LOGO_BYTES * 4) / 3) + 4),
        }),
        response: { 200: branding.pick({ logo: true }) },
      },
    },
    async (request) => {
      const { type } = request.body;
      const file = Buffer.from(request.body.file, 'base64');
      const problem = problemOfLogo(type, file);
      if (problem !== undefined) throw new ProblemError('INVALID_REQUEST', [{ path: 'file', message: problem }]);
      const before = await logo.digest();
      const { digest } = await logo.put(type, file);
      const what = act(request, 'branding.logo', 'branding');
      if (before?.digest !== digest) await audit({ ...what, before, after: { digest, bytes: file.length, type } });
      return { logo: `${LOGO}?v=${digest.slice(0, 16)}` };
    },
  );
  app.delete(
    LOGO,
    { schema: { summary: 'Remove the logo', response: { 200: branding.pick({ logo: true }) } } },
    async (request) => {
      const before = await logo.digest();
      await logo.remove();
      if (before !== undefined) await audit({ ...act(request, 'branding.logo', 'branding'), before });
      return { logo: null };
    },
  );
}
