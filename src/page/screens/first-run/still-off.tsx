/** What is not on yet when the set-up is over, each with what it would do and where it is switched on. */
import { IconCircleCheck, IconCircleDashed } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import type { FirewallReport } from '../../../api/firewall-routes.ts';
import type { SettingsReport } from '../../../api/settings-routes.ts';
import { useApi } from '../../api/queries.ts';
import { firstRunTexts as texts } from '../../texts/account.ts';

export function StillOff(): ReactNode {
  const { data } = useApi<SettingsReport>('settings');
  const { data: firewall } = useApi<FirewallReport>('firewall');
  if (data === undefined || firewall === undefined) return null;
  const { autoBan, adminAccess } = data.settings;
  const cards = [
    { ...texts.off.autoBan, to: '/settings/auto-ban', isOn: autoBan.enabled },
    { ...texts.off.access, to: '/settings/admin-access', isOn: adminAccess.allowFrom.length > 0 },
    { ...texts.off.portal, to: '/settings/portal', isOn: firewall.portal !== null },
  ];
  return (
    <section className="stack">
      <h3>{texts.off.title}</h3>
      <ul className="first-run-off">
        {cards.map(({ name, does, to, isOn }) => {
          const Icon = isOn ? IconCircleCheck : IconCircleDashed;
          return (
            <li key={to} className="panel">
              <Icon size={16} stroke={1.75} aria-hidden />
              <div>
                <Link to={to}>{name}</Link> <strong>{isOn ? texts.off.on : texts.off.off}</strong>
                <p className="muted">{does}</p>
              </div>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
