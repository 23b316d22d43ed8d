/** What is counted as an attack and how long it keeps an address out; packet limits; countries. */
import { Checkbox, CloseButton, NativeSelect, Select, Switch } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import type { FirewallReport } from '../../../api/firewall-routes.ts';
import type { AutoBanSettings, Service } from '../../../policy/settings.ts';
import { useApi } from '../../api/queries.ts';
import { settingsTexts } from '../../texts/settings.ts';
import { DurationField, durationWords, NumberField, type PartForm, SettingsPart } from './settings-part.tsx';

const SERVICES: readonly Service[] = ['web', 'sipRegistration', 'sipCall', 'api', 'ami'];
const DETECT = [
  'manyAddressesOneAccount',
  'slowGuessing',
  'neighbours',
  'manyAccounts',
  'scans',
  'callPatterns',
] as const;

export function AutoBanSection(): ReactNode {
  const texts = settingsTexts.autoBan;
  return (
    <SettingsPart part="autoBan">
      {(form) => {
        const { value, set, problemOf, isReadOnly } = form;
        return (
          <>
            <Switch
              label={texts.enabled}
              description={texts.allowed}
              checked={value.enabled}
              disabled={isReadOnly}
              onChange={(event) => set({ enabled: event.currentTarget.checked })}
            />
            <div className="settings-services">
              {SERVICES.map((service) => (
                <ServiceFields key={service} service={service} form={form} />
              ))}
            </div>
            <NumberField
              label={texts.permanentAfter}
              value={value.permanentAfter}
              least={3}
              most={10}
              help={texts.permanentHelp}
              disabled={isReadOnly}
              error={problemOf('permanentAfter')}
              onChange={(permanentAfter) => set({ permanentAfter })}
            />
            <fieldset className="settings-fieldset">
              <legend>{texts.also}</legend>
              {DETECT.map((name) => (
                <Checkbox
                  key={name}
                  label={texts.detect[name]}
                  checked={value.detect[name]}
                  disabled={isReadOnly}
                  onChange={(event) => set({ detect: { ...value.detect, [name]: event.currentTarget.checked } })}
                />
              ))}
            </fieldset>
          </>
        );
      }}
    </SettingsPart>
  );
}

function ServiceFields({
  service,
  form,
}: {
  readonly service: Service;
  readonly form: PartForm<AutoBanSettings>;
}): ReactNode {
  const texts = settingsTexts.autoBan;
  const { value, set, problemOf, isReadOnly } = form;
  const now = value.services[service];
  const change = (changes: Partial<typeof now>): void =>
    set({ services: { ...value.services, [service]: { ...now, ...changes } } });
  const at = (field: string): string => `services.${service}.${field}`;
  return (
    <fieldset className="settings-service">
      <legend>{texts.services[service]}</legend>
      <Switch
        label={texts.enable(texts.services[service])}
        checked={now.enabled}
        disabled={isReadOnly}
        onChange={(event) => change({ enabled: event.currentTarget.checked })}
      />
      {now.enabled && (
        <div className="settings-fields">
          <NumberField
            label={texts.attempts}
            value={now.attempts}
            least={3}
            most={10}
            disabled={isReadOnly}
            error={problemOf(at('attempts'))}
            onChange={(attempts) => change({ attempts })}
          />
          <DurationField
            label={texts.window}
            value={now.window}
            help="5 to 60 minutes"
            disabled={isReadOnly}
            error={problemOf(at('window'))}
            onChange={(window) => change({ window })}
          />
          <DurationField
            label={texts.duration}
            value={now.duration}
            help="15 minutes to 7 days"
            disabled={isReadOnly}
            error={problemOf(at('duration'))}
            onChange={(duration) => change({ duration })}
          />
        </div>
      )}
      <p className="settings-says">
        {now.enabled && value.enabled
          ? texts.says(now.attempts, durationWords(now.window), durationWords(now.duration))
          : texts.saysOff}
      </p>
    </fieldset>
  );
}

export function PacketSection(): ReactNode {
  const texts = settingsTexts.ddos;
  const { data: firewall } = useApi<FirewallReport>('firewall');
  return (
    <SettingsPart part="packetProtection">
      {({ value, set, problemOf, isReadOnly }) => (
        <>
          {firewall?.backend === 'none' && <p className="settings-note">{texts.noFirewall}</p>}
          <Switch
            label={texts.enabled}
            description={texts.enabledHelp}
            checked={value.enabled}
            disabled={isReadOnly}
            onChange={(event) => set({ enabled: event.currentTarget.checked })}
          />
          <div className="settings-fields">
            <NumberField
              label={texts.connections}
              value={value.connectionsPerAddress}
              least={50}
              most={500}
              disabled={isReadOnly}
              error={problemOf('connectionsPerAddress')}
              onChange={(connectionsPerAddress) => set({ connectionsPerAddress })}
            />
            <NumberField
              label={texts.rate}
              value={value.newConnectionsPerSecond}
              least={10}
              most={100}
              unit={texts.perSecond}
              disabled={isReadOnly}
              error={problemOf('newConnectionsPerSecond')}
              onChange={(newConnectionsPerSecond) => set({ newConnectionsPerSecond })}
            />
            <NumberField
              label={texts.packets}
              value={value.packetsPerSecond}
              least={1000}
              most={10_000}
              unit={texts.perSecond}
              disabled={isReadOnly}
              error={problemOf('packetsPerSecond')}
              onChange={(packetsPerSecond) => set({ packetsPerSecond })}
            />
            <DurationField
              label={texts.block}
              value={value.block}
              help="1 to 24 hours"
              disabled={isReadOnly}
              error={problemOf('block')}
              onChange={(block) => set({ block })}
            />
          </div>
          <p className="muted">{texts.blockHelp}</p>
          <Checkbox
            label={texts.syn}
            checked={value.synFlood}
            disabled={isReadOnly}
            onChange={(event) => set({ synFlood: event.currentTarget.checked })}
          />
          <Checkbox
            label={texts.udp}
            description={texts.floodHelp}
            checked={value.udpFlood}
            disabled={isReadOnly}
            onChange={(event) => set({ udpFlood: event.currentTarget.checked })}
          />
        </>
      )}
    </SettingsPart>
  );
}

const LETTERS = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'];
/** What the browser's tables name and that is no country: groups of them, places without a state, and made-up ones. */
const NO_COUNTRIES = new Set(['EU', 'EZ', 'UN', 'QO', 'XA', 'XB', 'ZZ', 'AC', 'CP', 'DG', 'EA', 'IC', 'TA', 'CQ']);
const NOW_OTHERS = new Set([
  'AN',
  'BU',
  'CS',
  'DD',
  'DY',
  'FX',
  'HV',
  'NH',
  'NT',
  'RH',
  'SU',
  'TP',
  'UK',
  'VD',
  'YD',
  'YU',
  'ZR',
]);

/** Every country that this browser has a name for, by name. */
function countries(): readonly { readonly value: string; readonly label: string }[] {
  const names = new Intl.DisplayNames(undefined, { type: 'region', fallback: 'none' });
  return LETTERS.flatMap((first) => LETTERS.map((second) => first + second))
    .flatMap((code) => {
      const name = NO_COUNTRIES.has(code) || NOW_OTHERS.has(code) ? undefined : names.of(code);
      return name === undefined ? [] : [{ value: code, label: `${name} (${code})` }];
    })
    .toSorted((a, b) => a.label.localeCompare(b.label));
}

export function CountriesSection(): ReactNode {
  const texts = settingsTexts.countries;
  const [all] = useState(countries);
  const nameOf = (code: string): string => all.find(({ value }) => value === code)?.label ?? code;
  const modes = ['off', 'only', 'refuse'] as const;
  return (
    <SettingsPart part="country">
      {({ value, set, problemOf, isReadOnly }) => (
        <>
          <NativeSelect
            label={texts.mode}
            description={texts.allowed}
            value={value.mode}
            disabled={isReadOnly}
            error={problemOf('mode')}
            data={modes.map((mode) => ({ value: mode, label: texts.modes[mode] }))}
            onChange={(event) => {
              const mode = modes.find((each) => each === event.currentTarget.value);
              if (mode !== undefined) set({ mode });
            }}
          />
          {value.mode !== 'off' && (
            <>
              <Select
                label={texts.list}
                placeholder={texts.search}
                searchable
                value={null}
                data={all.filter((each) => !value.countries.includes(each.value))}
                disabled={isReadOnly}
                error={problemOf('countries')}
                comboboxProps={{ withinPortal: false }}
                limit={50}
                onChange={(code) => code !== null && set({ countries: [...value.countries, code] })}
              />
              {value.countries.length === 0 && <p className="muted">{texts.none}</p>}
              <ul className="settings-chips">
                {value.countries.map((code) => (
                  <li key={code} className="chip">
                    {nameOf(code)}
                    <CloseButton
                      size="sm"
                      aria-label={texts.remove(nameOf(code))}
                      disabled={isReadOnly}
                      onClick={() => set({ countries: value.countries.filter((each) => each !== code) })}
                    />
                  </li>
                ))}
              </ul>
              <p className="muted">{texts.own}</p>
            </>
          )}
        </>
      )}
    </SettingsPart>
  );
}
