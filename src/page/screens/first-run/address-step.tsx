/** So that whoever sets it up is never blocked by his own mistakes. */
import { Button, Switch, TextInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { api } from '../../api/client.ts';
import { useMe } from '../../api/me.ts';
import { useRefresh } from '../../api/queries.ts';
import { useAction } from '../../parts/action.ts';
import { ErrorText, Shown } from '../../parts/states.tsx';
import { firstRunTexts as texts } from '../../texts/account.ts';

export function AddressStep(): ReactNode {
  const me = useMe();
  const refresh = useRefresh();
  const [name, setName] = useState<string>(texts.addressUsual);
  const [isExempt, setExempt] = useState(false);
  const { isRunning, error, run } = useAction();
  return (
    <Shown found={me} rows={2}>
      {({ address, allowedBy }) => {
        const add = async (): Promise<void> => {
          const body = { name, value: address, exemptFromCallLimits: isExempt };
          await api('POST', 'allowlist', { body });
          await refresh('me', 'allowlist');
        };
        if (address === null) return null;
        return (
          <div className="stack">
            <p>
              <strong>{texts.youAre(address)}</strong>{' '}
              {allowedBy === null ? texts.notAllowed : texts.allowedBy(allowedBy.name)}
            </p>
            {allowedBy === null && (
              <>
                <TextInput
                  className="first-run-field"
                  label={texts.addressName}
                  value={name}
                  onChange={(event) => setName(event.currentTarget.value)}
                />
                <Switch
                  label={texts.exempt}
                  description={texts.exemptMeans}
                  checked={isExempt}
                  onChange={(event) => setExempt(event.currentTarget.checked)}
                />
                {error !== undefined && <ErrorText error={error} />}
                <div>
                  <Button loading={isRunning} onClick={() => void run(add)}>
                    {texts.add}
                  </Button>
                </div>
              </>
            )}
          </div>
        );
      }}
    </Shown>
  );
}
