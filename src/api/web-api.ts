/** The API on the web port: every route behind a log-in or a key, and the routes of the log-in itself. */
import { authorize } from './authorize.ts';
import { actOf } from './recorded-changes.ts';
import { type ApiParts, apiRoutes, LARGEST_BODY_BYTES } from './server.ts';
import { createSessionCookie } from './session-cookie.ts';
import { sessionRoutes } from './session-routes.ts';
import type { WebRoutes, WebSettings } from './web-server.ts';
import { whoAsks } from './who-asks.ts';

export function webApi(deps: {
  readonly settings: WebSettings;
  readonly parts: ApiParts;
  readonly mayCome: (address: string) => boolean;
}): WebRoutes {
  const { people, clock, audit } = deps.parts;
  const cookie = createSessionCookie(deps.settings);
  return async (app) => {
    await cookie.register(app);
    authorize(app, { people, cookieOf: cookie.of, mayCome: deps.mayCome, clock });
    sessionRoutes(app, { people, cookie, audit: audit.audit, act: actOf(whoAsks) });
    // Nothing of a body is read before who sends it was let in.
    app.addHook('onRoute', (route) => {
      route.bodyLimit ??= LARGEST_BODY_BYTES;
    });
    apiRoutes(app, deps.parts);
  };
}
