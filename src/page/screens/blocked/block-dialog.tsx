/** Blocks an address by hand, for a time or for ever. What would keep out whoever does it is refused by the daemon. */
import { Button, NativeSelect, Textarea, TextInput } from '@mantine/core';
import { type ReactNode, useEffect, useState } from 'react';
import type { BanAnswerReport } from '../../../api/bans-routes.ts';
import { ApiError, api } from '../../api/client.ts';
import { useMe } from '../../api/me.ts';
import { useApi, useRefresh } from '../../api/queries.ts';
import { useSession } from '../../api/session.tsx';
import { useAction } from '../../parts/action.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { capital, sentence } from '../../parts/format.ts';
import { ErrorText } from '../../parts/states.tsx';
import { say } from '../../parts/undo.tsx';
import { blockedTexts } from '../../texts/blocked.ts';
import { partTexts } from '../../texts/frame.ts';
import { pathOf } from './bans.ts';

const texts = blockedTexts.form;
const LOOK_AFTER_MS = 400;

export function BlockDialog({
  address: given,
  onClose,
}: {
  readonly address: string;
  readonly onClose: () => void;
}): ReactNode {
  const { may } = useSession();
  const { data: me } = useMe();
  const refresh = useRefresh();
  const { isRunning, error, run, forget } = useAction();
  const [address, setAddress] = useState(given);
  const [lasts, setLasts] = useState('86400');
  const [reason, setReason] = useState('');
  const [isTried, setTried] = useState(false);
  const missing = {
    address: isTried && address.trim() === '' ? texts.addressMissing : undefined,
    reason: isTried && reason.trim() === '' ? texts.reasonMissing : undefined,
  };
  const problem = error instanceof ApiError ? error.problems.find(({ path }) => path === 'address') : undefined;

  const block = async (): Promise<void> => {
    const time = lasts === 'permanent' ? { permanent: true } : { seconds: Number(lasts) };
    const made = await api<{ readonly address: string; readonly outcome: string }>('POST', 'bans', {
      body: { address: address.trim(), reason: reason.trim(), ...time },
    });
    const undo = async (): Promise<void> => {
      await api('POST', 'bans/lift', { body: { addresses: [made.address] } });
      await refresh('bans', 'dashboard');
    };
    say(texts.done(made.address), made.outcome === 'added' ? undo : undefined);
    await refresh('bans', 'dashboard');
  };

  return (
    <Dialog title={texts.title} onClose={onClose}>
      <form
        className="stack"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          setTried(true);
          if (address.trim() !== '' && reason.trim() !== '') void run(block).then((isDone) => isDone && onClose());
        }}
      >
        <TextInput
          data-autofocus
          label={texts.address}
          description={texts.addressHelp}
          required
          autoComplete="off"
          spellCheck={false}
          classNames={{ input: 'mono' }}
          value={address}
          error={missing.address ?? (problem === undefined ? undefined : capital(problem.message))}
          onChange={(event) => {
            setAddress(event.currentTarget.value);
            forget();
          }}
        />
        <Known address={address.trim()} />
        {me?.address != null && <p className="muted">{texts.you(me.address)}</p>}
        <NativeSelect
          label={texts.lasts}
          description={may('bans:permanent') ? undefined : blockedTexts.ownerOnly}
          value={lasts}
          onChange={(event) => setLasts(event.currentTarget.value)}
          data={Object.entries(texts.durations).map(([value, label]) => ({
            value,
            label,
            disabled: value === 'permanent' && !may('bans:permanent'),
          }))}
        />
        <Textarea
          label={texts.reason}
          description={texts.reasonHelp}
          required
          autosize={false}
          rows={2}
          maxLength={300}
          value={reason}
          error={missing.reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        {error !== undefined && problem === undefined && <ErrorText error={error} />}
        <div className="row end">
          <Button onClick={onClose}>{partTexts.cancel}</Button>
          <Button
            type="submit"
            variant="filled"
            color={lasts === 'permanent' ? 'danger' : undefined}
            loading={isRunning}
          >
            {lasts === 'permanent' ? blockedTexts.blockPermanently : texts.submit}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** What is known of the address that is being typed. */
function Known({ address }: { readonly address: string }): ReactNode {
  const [looked, setLooked] = useState('');
  useEffect(() => {
    const timer = setTimeout(() => setLooked(isWhole(address) ? address : ''), LOOK_AFTER_MS);
    return () => clearTimeout(timer);
  }, [address]);
  const { data } = useApi<BanAnswerReport>(looked === '' ? undefined : `bans/${pathOf(looked)}`);
  if (looked === '' || looked !== address || data === undefined) return null;
  if (data.allowedBy !== null) return <p role="status">{texts.allowedBy(data.allowedBy.name)}</p>;
  return data.banned ? <p role="status">{texts.already(sentence(data.reason))}</p> : null;
}

/** So that no half of an address is asked about. */
const isWhole = (text: string): boolean =>
  /^(?:\d{1,3}\.){3}\d{1,3}(?:\/\d{1,2})?$/.test(text) || /^[0-9a-f:]*:[0-9a-f:]*(?:\/\d{1,3})?$/i.test(text);
