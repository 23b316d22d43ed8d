/**
 * Asked before a portal or an isolation: what it does in numbers, whom it keeps out, and, to whom it would cut off, how to go on
 * without that. Who insists types the name of the box.
 */
import { Button, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import type { FirewallPreview } from '../../../api/firewall-routes.ts';
import { api } from '../../api/client.ts';
import { useMe } from '../../api/me.ts';
import { useAction } from '../../parts/action.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { ErrorText, Loading } from '../../parts/states.tsx';
import { partTexts } from '../../texts/frame.ts';
import { settingsTexts } from '../../texts/settings.ts';
import { Lost } from './pending-change.tsx';

export function ClosingDialog({
  title,
  consequence,
  confirms,
  asks,
  needsName,
  onConfirm,
  onWithMine,
  onClose,
}: {
  readonly title: string;
  readonly consequence: string;
  readonly confirms: string;
  /** Body of the preview. */
  readonly asks: object;
  /** Also where nobody is cut off. */
  readonly needsName: boolean;
  readonly onConfirm: (force: boolean) => Promise<unknown>;
  /** The same, after the own address was let in. */
  readonly onWithMine: (address: string) => Promise<unknown>;
  readonly onClose: () => void;
}): ReactNode {
  const texts = settingsTexts.closing;
  const { data: me } = useMe();
  const [typed, setTyped] = useState('');
  const { isRunning, error, run } = useAction();
  const found = useQuery({
    queryKey: ['firewall', 'preview', asks],
    queryFn: ({ signal }) => api<FirewallPreview>('POST', 'firewall/preview', { body: asks, signal }),
    staleTime: 0,
  });
  const cutsOff = found.data?.cutsOff ?? null;
  const isNamed = needsName || cutsOff !== null;
  const isReady = found.data !== undefined && (!isNamed || typed.trim() === me?.node);
  const doIt = (work: () => Promise<unknown>): void => void run(work).then((isDone) => isDone && onClose());
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady) doIt(() => onConfirm(cutsOff !== null));
        }}
      >
        <p>{consequence}</p>
        {found.isPending ? <Loading rows={2} /> : found.data !== undefined && <Lost lost={found.data.lost} />}
        {found.error !== null && <ErrorText error={found.error} />}
        {cutsOff !== null && me?.address != null && (
          <div className="settings-danger" role="alert">
            <strong>{texts.cutsYouOff(me.address)}</strong>
            <p>{texts.notListed}</p>
            <div>
              <Button variant="filled" loading={isRunning} onClick={() => doIt(() => onWithMine(me.address ?? ''))}>
                {texts.addMine(me.address)}
              </Button>
            </div>
          </div>
        )}
        {isNamed && me !== undefined && (
          <TextInput
            label={partTexts.typeToGoOn(me.node)}
            description={cutsOff === null ? undefined : texts.allTheSame}
            value={typed}
            autoComplete="off"
            onChange={(event) => setTyped(event.currentTarget.value)}
          />
        )}
        {error !== undefined && <ErrorText error={error} />}
        <div className="row end">
          <Button data-autofocus onClick={onClose}>
            {partTexts.cancel}
          </Button>
          <Button
            type="submit"
            variant="filled"
            {...(isNamed ? { color: 'danger' } : {})}
            loading={isRunning}
            disabled={!isReady}
          >
            {confirms}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
