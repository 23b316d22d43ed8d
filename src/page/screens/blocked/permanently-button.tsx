/** Blocks for ever what was blocked for a time. */
import type { ButtonProps } from '@mantine/core';
import type { ReactNode } from 'react';
import { api } from '../../api/client.ts';
import { useRefresh } from '../../api/queries.ts';
import { useSession } from '../../api/session.tsx';
import { ConfirmButton } from '../../parts/confirm.tsx';
import { say } from '../../parts/undo.tsx';
import { blockedTexts } from '../../texts/blocked.ts';

const texts = blockedTexts.forEver;

export function PermanentlyButton({
  addresses,
  onDone,
  ...button
}: Pick<ButtonProps, 'size'> & { readonly addresses: readonly string[]; readonly onDone?: () => void }): ReactNode {
  const { may } = useSession();
  const refresh = useRefresh();
  const isAllowed = may('bans:permanent');
  const block = async (): Promise<void> => {
    try {
      for (const address of addresses) await api('POST', 'bans', { body: { address, permanent: true } });
    } finally {
      // Those before one that was refused are blocked.
      await refresh('bans', 'dashboard');
    }
    say(texts.done(addresses.length));
    onDone?.();
  };
  return (
    <span title={isAllowed ? undefined : blockedTexts.ownerOnly}>
      <ConfirmButton
        {...button}
        disabled={!isAllowed || addresses.length === 0}
        consequence={texts.means(addresses.length)}
        confirms={texts.confirms(addresses.length)}
        onConfirm={block}
      >
        {blockedTexts.openPermanently}
      </ConfirmButton>
    </span>
  );
}
