/** Settings: each section has its own address and its own Save. */
import { NativeSelect } from '@mantine/core';
import type { ReactNode } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import type { Permission } from '../../../people/roles.ts';
import { useSession } from '../../api/session.tsx';
import { usePhone } from '../../frame/phone.ts';
import { Screen } from '../../parts/screen.tsx';
import { NotFound } from '../../parts/states.tsx';
import { settingsTexts as texts } from '../../texts/settings.ts';
import { AccessSection, AdminAccessSection, ApprovalsSection, SessionsSection } from './access-sections.tsx';
import { BrandingSection } from './branding-section.tsx';
import { AutoBanSection, CountriesSection, PacketSection } from './defence-sections.tsx';
import { IsolateSection, PortalSection } from './firewall-sections.tsx';
import { CallLimitsSection, NumbersSection } from './policy-sections.tsx';
import { RatesSection } from './rates-section.tsx';
import { RetentionSection } from './retention-section.tsx';
import './settings.css';

type SectionName = keyof typeof texts.names;

const SECTIONS: readonly { readonly name: SectionName; readonly needs: Permission; readonly show: () => ReactNode }[] =
  [
    { name: 'admin-access', needs: 'settings:read', show: AdminAccessSection },
    { name: 'auto-ban', needs: 'settings:read', show: AutoBanSection },
    { name: 'ddos', needs: 'settings:read', show: PacketSection },
    { name: 'portal', needs: 'firewall:read', show: PortalSection },
    { name: 'isolate', needs: 'firewall:read', show: IsolateSection },
    { name: 'countries', needs: 'settings:read', show: CountriesSection },
    { name: 'call-limits', needs: 'policy:read', show: CallLimitsSection },
    { name: 'numbers', needs: 'policy:read', show: NumbersSection },
    { name: 'rates', needs: 'reports:read', show: RatesSection },
    { name: 'approvals', needs: 'settings:read', show: ApprovalsSection },
    { name: 'branding', needs: 'settings:read', show: BrandingSection },
    { name: 'access', needs: 'settings:read', show: AccessSection },
    { name: 'sessions', needs: 'settings:read', show: SessionsSection },
    { name: 'retention', needs: 'settings:read', show: RetentionSection },
  ];

export function SettingsScreen(): ReactNode {
  const { may } = useSession();
  const { section } = useParams();
  const shown = SECTIONS.filter(({ needs }) => may(needs));
  const current = section === undefined ? shown[0] : shown.find(({ name }) => name === section);
  return (
    <Screen title={texts.title} purpose={texts.purpose}>
      <div className="settings-frame">
        <SectionList names={shown.map(({ name }) => name)} current={current?.name} />
        {current === undefined ? (
          <NotFound>{texts.noSuch(section ?? '')}</NotFound>
        ) : (
          <section className="settings-section" aria-labelledby="settings-heading">
            <h2 id="settings-heading">{texts.names[current.name]}</h2>
            <p className="muted settings-subtitle">{texts.subtitles[current.name]}</p>
            <current.show key={current.name} />
          </section>
        )}
      </div>
    </Screen>
  );
}

function SectionList({
  names,
  current,
}: {
  readonly names: readonly SectionName[];
  readonly current: SectionName | undefined;
}): ReactNode {
  const isPhone = usePhone();
  const navigate = useNavigate();
  if (isPhone)
    return (
      <NativeSelect
        label={texts.section}
        value={current ?? ''}
        data={names.map((value) => ({ value, label: texts.names[value] }))}
        onChange={(event) => void navigate(`/settings/${event.currentTarget.value}`, { state: { keepsFocus: true } })}
      />
    );
  return (
    <nav className="settings-list" aria-label={texts.sections}>
      {names.map((name) => (
        <Link
          key={name}
          to={`/settings/${name}`}
          state={{ keepsFocus: true }}
          aria-current={name === current ? 'page' : undefined}
        >
          {texts.names[name]}
        </Link>
      ))}
    </nav>
  );
}
