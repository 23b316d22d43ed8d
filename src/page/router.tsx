/**
 * Every address of the page and the screen that answers to it. Each screen is loaded when it is first gone to.
 *
 * A new screen: a file in `screens/`, a line here, an entry in frame/menu.ts, and its first path part in
 * src/api/page-routes.ts.
 */
import type { ReactNode } from 'react';
import { createBrowserRouter, type RouteObject } from 'react-router';
import type { Permission } from '../people/roles.ts';
import { useSession } from './api/session.tsx';
import { ScreenFailed } from './frame/screen-failed.tsx';
import { Shell } from './frame/shell.tsx';
import { NoPermission, NotFound } from './parts/states.tsx';

type Load = () => Promise<{ readonly [name: string]: unknown }>;

/** @param needs what has to be allowed for it @param name of the component in the file */
function screen(
  path: string,
  needs: Permission,
  name: string,
  load: Load,
  children: readonly RouteObject[] = [],
): RouteObject {
  return {
    path,
    errorElement: <ScreenFailed />,
    lazy: async () => {
      const Screen = (await load())[name] as () => ReactNode;
      return {
        element: (
          <Guarded needs={needs}>
            <Screen />
          </Guarded>
        ),
      };
    },
    children: [...children],
  };
}

function Guarded({ needs, children }: { readonly needs: Permission; readonly children: ReactNode }): ReactNode {
  const { may } = useSession();
  return may(needs) ? children : <NoPermission />;
}

/** A drawer, or another part inside of a screen that shows an `Outlet`. */
const inside = (path: string, name: string, load: Load): RouteObject => ({
  path,
  lazy: async () => ({ Component: (await load())[name] as () => ReactNode }),
});

export const router = createBrowserRouter([
  {
    path: '/',
    Component: Shell,
    errorElement: <ScreenFailed />,
    hydrateFallbackElement: null,
    children: [
      screen('', 'own', 'DashboardScreen', () => import('./screens/dashboard/dashboard-screen.tsx')),
      // Who may see what calls cost, and no calls, sees that alone.
      screen('calls', 'own', 'CallsScreen', () => import('./screens/calls/calls-screen.tsx')),
      screen('calls/:id', 'calls:read', 'WhyScreen', () => import('./screens/calls/why-screen.tsx')),
      screen(
        'approvals',
        'approvals:read',
        'ApprovalsScreen',
        () => import('./screens/approvals/approvals-screen.tsx'),
      ),
      screen('rules', 'policy:read', 'RulesScreen', () => import('./screens/rules/rules-screen.tsx'), [
        inside('try', 'TryDrawer', () => import('./screens/rules/try-call.tsx')),
        inside('shadow/:id', 'ShadowDrawer', () => import('./screens/rules/shadow-drawer.tsx')),
      ]),
      screen('rules/new', 'policy:write', 'NewRuleScreen', () => import('./screens/rules/rule-form-screen.tsx')),
      screen('rules/edit/:id', 'policy:read', 'EditRuleScreen', () => import('./screens/rules/rule-form-screen.tsx')),
      screen('rules/import', 'policy:read', 'ImportRulesScreen', () => import('./screens/rules/import-screen.tsx')),
      screen('allowed-ips', 'allowlist:read', 'AllowedScreen', () => import('./screens/allowed/allowed-screen.tsx'), [
        inside('new', 'NewEntryDrawer', () => import('./screens/allowed/entry-drawer.tsx')),
        inside('exempt', 'ExemptDrawer', () => import('./screens/allowed/exempt-drawer.tsx')),
        inside(':id', 'EntryDrawer', () => import('./screens/allowed/entry-drawer.tsx')),
      ]),
      screen('blocked-ips', 'bans:read', 'BlockedScreen', () => import('./screens/blocked/blocked-screen.tsx'), [
        inside(':address', 'BanDrawer', () => import('./screens/blocked/ban-drawer.tsx')),
      ]),
      screen('members', 'policy:read', 'MembersScreen', () => import('./screens/members/members-screen.tsx'), [
        inside('edit/:kind/:id', 'MemberDrawer', () => import('./screens/members/member-drawer.tsx')),
        inside('add/:kind', 'AddMemberDrawer', () => import('./screens/members/member-drawer.tsx')),
      ]),
      screen('schedules', 'policy:read', 'SchedulesScreen', () => import('./screens/schedules/schedules-screen.tsx')),
      screen(
        'schedules/new',
        'policy:write',
        'NewScheduleScreen',
        () => import('./screens/schedules/schedule-form-screen.tsx'),
      ),
      screen(
        'schedules/edit/:id',
        'policy:read',
        'EditScheduleScreen',
        () => import('./screens/schedules/schedule-form-screen.tsx'),
      ),
      screen('audit-log', 'audit:own', 'AuditScreen', () => import('./screens/audit/audit-screen.tsx'), [
        inside(':place', 'AuditDrawer', () => import('./screens/audit/entry-drawer.tsx')),
      ]),
      screen('health', 'status:read', 'HealthScreen', () => import('./screens/health/health-screen.tsx'), [
        inside('parts/:name', 'PartDrawer', () => import('./screens/health/part-drawer.tsx')),
      ]),
      screen(
        'settings/:section?',
        'reports:read',
        'SettingsScreen',
        () => import('./screens/settings/settings-screen.tsx'),
      ),
      screen('alerts', 'alerts:read', 'AlertsScreen', () => import('./screens/alerts/alerts-screen.tsx'), [
        inside(':id', 'AlertDrawer', () => import('./screens/alerts/alert-drawer.tsx')),
      ]),
      screen('users', 'users:manage', 'UsersScreen', () => import('./screens/users/users-screen.tsx'), [
        inside('new', 'NewUserDrawer', () => import('./screens/users/new-user-drawer.tsx')),
        inside('of/:name', 'UserDrawer', () => import('./screens/users/user-drawer.tsx')),
        inside('new-key', 'NewKeyDrawer', () => import('./screens/users/key-drawers.tsx')),
        inside('keys/:id', 'KeyDrawer', () => import('./screens/users/key-drawers.tsx')),
      ]),
      screen('account', 'own', 'AccountScreen', () => import('./screens/account/account-screen.tsx')),
      screen('first-run', 'users:manage', 'FirstRunScreen', () => import('./screens/first-run/first-run-screen.tsx')),
      { path: '*', element: <NotFound /> },
    ],
  },
]);
