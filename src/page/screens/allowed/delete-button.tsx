/** Deletes entries, after it said whom that exposes; what would cut off whoever does it has to be typed. */
import type { ButtonProps } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import type { AllowReport, ChangedEntry } from '../../../api/allowlist-routes.ts';
import type { ExemptReport } from '../../../api/exempt-routes.ts';
import { ApiError, api } from '../../api/client.ts';
import { useMe } from '../../api/me.ts';
import { useApi, useRefresh } from '../../api/queries.ts';
import { useSession } from '../../api/session.tsx';
import { ConfirmButton, TypedConfirm } from '../../parts/confirm.tsx';
import { sentence } from '../../parts/format.ts';
import { say } from '../../parts/undo.tsx';
import { allowedTexts as texts } from '../../texts/allowed.ts';
import { draftOfEntry, holdsTogether } from './entries.ts';

export function DeleteButton({
  entries,
  children,
  onDone,
  ...button
}: Pick<ButtonProps, 'size'> & {
  readonly entries: readonly AllowReport[];
  readonly children: ReactNode;
  readonly onDone?: () => void;
}): ReactNode {
  const { may } = useSession();
  const { data: me } = useMe();
  const refresh = useRefresh();
  const [refused, setRefused] = useState<{ readonly why: string; readonly left: readonly AllowReport[] }>();
  const isAllowed = may('allowlist:remove');

  const remove = async (wanted: readonly AllowReport[], force: boolean): Promise<void> => {
    const gone: ChangedEntry[] = [];
    const rest = (): readonly AllowReport[] => wanted.filter(({ id }) => !gone.some((each) => each.id === id));
    try {
      for (const { id } of wanted)
        gone.push(await api<ChangedEntry>('DELETE', `allowlist/${id}${force ? '?force=true' : ''}`));
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 'CONFLICT' || force) throw error;
      setRefused({ why: error.message, left: rest() });
    } finally {
      await refresh('allowlist', 'me');
    }
    const [first] = gone;
    if (first === undefined) return;
    const notes = gone.flatMap((each) => each.notes).map(sentence);
    say([texts.deleted(gone.length, first.name), ...notes].join(' '), async () => {
      for (const entry of gone) await api('POST', 'allowlist', { body: draftOfEntry(entry) });
      await refresh('allowlist', 'me');
    });
    if (rest().length === 0) onDone?.();
  };

  return (
    <>
      <span title={isAllowed ? undefined : texts.ownerDelete}>
        <ConfirmButton
          {...button}
          disabled={!isAllowed}
          consequence={<Consequence entries={entries} />}
          confirms={texts.deleteMany(entries.length)}
          onConfirm={() => remove(entries, false)}
        >
          {children}
        </ConfirmButton>
      </span>
      {refused !== undefined && (
        <TypedConfirm
          title={texts.force.title}
          name={me?.node ?? ''}
          confirms={texts.force.confirmsDelete}
          onConfirm={() => remove(refused.left, true)}
          onClose={() => setRefused(undefined)}
        >
          <p>{sentence(refused.why)}</p>
        </TypedConfirm>
      )}
    </>
  );
}

function Consequence({ entries }: { readonly entries: readonly AllowReport[] }): ReactNode {
  const { data: me } = useMe();
  const { data: exempt = [] } = useApi<readonly ExemptReport[]>('allowlist/exempt');
  const phones = exempt.filter(({ entry }) => entries.some(({ name }) => name === entry)).length;
  const isYours = me?.address != null && entries.some(({ id }) => id === me.allowedBy?.id);
  return (
    <>
      {texts.deleteMeans(entries.length, holdsTogether(entries))} {phones > 0 && texts.phonesThere(phones)}{' '}
      {isYours && <strong>{texts.yoursToo(me.address ?? '')}</strong>}
    </>
  );
}
