/** Name, colour and logo of the installation. */
import { Button, TextInput } from '@mantine/core';
import { type ReactNode, useRef } from 'react';
import { api } from '../../api/client.ts';
import { useApi, useRefresh } from '../../api/queries.ts';
import { useSession } from '../../api/session.tsx';
import { useAction } from '../../parts/action.ts';
import { ConfirmButton } from '../../parts/confirm.tsx';
import { ErrorText } from '../../parts/states.tsx';
import { say } from '../../parts/undo.tsx';
import { settingsTexts } from '../../texts/settings.ts';
import { SettingsPart } from './settings-part.tsx';

const LARGEST_BYTES = 200 * 1024;
/** What the logo has while no colour is chosen. */
const inkOfThePage = (): string => getComputedStyle(document.documentElement).getPropertyValue('--text').trim();
const COLOUR = /^#[0-9a-f]{6}$/i;

export function BrandingSection(): ReactNode {
  const texts = settingsTexts.branding;
  return (
    <div className="stack">
      <SettingsPart part="branding">
        {({ value, set, problemOf, isReadOnly }) => (
          <>
            <TextInput
              label={texts.name}
              description={texts.nameHelp}
              value={value.name}
              maxLength={60}
              disabled={isReadOnly}
              error={problemOf('name')}
              onChange={(event) => set({ name: event.currentTarget.value })}
            />
            <div className="settings-add">
              <TextInput
                label={texts.colour}
                description={texts.colourHelp}
                value={value.colour ?? ''}
                disabled={isReadOnly}
                error={problemOf('colour')}
                spellCheck={false}
                leftSection={
                  <input
                    type="color"
                    className="settings-colour"
                    aria-label={texts.pick}
                    value={COLOUR.test(value.colour ?? '') ? (value.colour ?? '') : inkOfThePage()}
                    disabled={isReadOnly}
                    onChange={(event) => set({ colour: event.currentTarget.value })}
                  />
                }
                onChange={(event) =>
                  set({ colour: event.currentTarget.value === '' ? null : event.currentTarget.value })
                }
              />
              {value.colour !== null && (
                <Button disabled={isReadOnly} onClick={() => set({ colour: null })}>
                  {texts.noColour}
                </Button>
              )}
            </div>
          </>
        )}
      </SettingsPart>
      <LogoPart />
    </div>
  );
}

function LogoPart(): ReactNode {
  const texts = settingsTexts.branding;
  const { may } = useSession();
  const field = useRef<HTMLInputElement>(null);
  const { data } = useApi<{ readonly logo: string | null }>('branding');
  const refresh = useRefresh();
  const { isRunning, error, run } = useAction();
  const isReadOnly = !may('settings:write');
  const choose = (file: File | undefined): void => {
    if (file === undefined) return;
    void run(async () => {
      if (file.size > LARGEST_BYTES) throw new Error(texts.tooLarge);
      await api('PUT', 'branding/logo', { body: { type: file.type, file: await base64Of(file) } });
      say(texts.logoSet);
      await refresh('branding');
    });
  };
  return (
    <section className="settings-fieldset">
      <strong>{texts.logo}</strong>
      <p className="muted">{texts.logoHelp}</p>
      {data?.logo != null ? <img className="settings-logo" src={data.logo} alt={texts.logo} /> : <p>{texts.noLogo}</p>}
      <input
        ref={field}
        type="file"
        accept="image/png,image/svg+xml"
        hidden
        aria-label={texts.chooseLogo}
        onChange={(event) => {
          choose(event.currentTarget.files?.[0]);
          event.currentTarget.value = '';
        }}
      />
      <div className="row">
        <Button loading={isRunning} disabled={isReadOnly} onClick={() => field.current?.click()}>
          {texts.chooseLogo}
        </Button>
        {data?.logo != null && (
          <ConfirmButton
            disabled={isReadOnly}
            consequence={texts.removeMeans}
            confirms={texts.removeLogo}
            onConfirm={async () => {
              await api('DELETE', 'branding/logo');
              say(texts.logoRemoved);
              await refresh('branding');
            }}
          >
            {texts.removeLogo}
          </ConfirmButton>
        )}
      </div>
      {error !== undefined && <ErrorText error={error} />}
    </section>
  );
}

async function base64Of(file: File): Promise<string> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
