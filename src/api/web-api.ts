/**
 * What the web port has for those who may come: the page, and the API, every route of it behind a log-in or a key, with the
 * routes of the log-in itself.
 */
import type { Log } from '../log.ts';
import { authorize } from './authorize.ts';
import { describeRoutes } from './openapi.ts';
import { pageRoutes } from './page-routes.ts';
import { actOf } from './recorded-changes.ts';
import { limitRequests } from './request-rate.ts';
import { checkBySchema } from './schema.ts';
import { type ApiParts, apiRoutes, LARGEST_BODY_BYTES } from './server.ts';
import { createSessionCookie } from './session-cookie.ts';
import { sessionRoutes } from './session-routes.ts';
import type { WebRoutes, WebSettings } from './web-server.ts';
import { whoAsks } from './who-asks.ts';

interface Deps {
  readonly settings: WebSettings;
  readonly parts: ApiParts;
  readonly mayCome: (address: string) => boolean;
}

export const pageAndApi = ({ log, ...deps }: Deps & { readonly log: Log }): readonly WebRoutes[] => [
  pageRoutes({ log }),
  webApi(deps),
];

function webApi(deps: Deps): WebRoutes {
  const { people, clock, audit } = deps.parts;
  const cookie = createSessionCookie(deps.settings);
  return async (app) => {
    await cookie.register(app);
    const rate = limitRequests(app, clock);
    authorize(app, { people, cookieOf: cookie.of, mayCome: deps.mayCome, clock });
    rate.afterLogIn();
    const api = checkBySchema(app);
    const describe = describeRoutes(app);
    sessionRoutes(api, { people, cookie, audit: audit.audit, act: actOf(whoAsks) });
    // Nothing of a body is read before who sends it was let in.
    app.addHook('onRoute', (route) => {
      route.bodyLimit ??= LARGEST_BODY_BYTES;
    });
    apiRoutes(app, deps.parts);
    describe(() => deps.parts.status().version);
  };
}
