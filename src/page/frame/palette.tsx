/** Jump and act: screens by their names and by those other systems use, extensions, decisions, addresses. */
import { TextInput } from '@mantine/core';
import { type ReactNode, useId, useState } from 'react';
import { useNavigate } from 'react-router';
import { useAccount } from '../api/session.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { frameTexts, partTexts } from '../texts/frame.ts';
import { type Entry, entriesFor } from './menu.ts';

interface Jump {
  readonly label: string;
  readonly to: string;
}

export function Palette({
  entries,
  onClose,
}: {
  readonly entries: readonly Entry[];
  readonly onClose: () => void;
}): ReactNode {
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const navigate = useNavigate();
  const paths = new Set(entriesFor(useAccount()).map(({ path }) => path));
  const listId = useId();
  const found = jumpsFor(text, entries).filter(({ to }) => {
    const path = `/${to.split(/[/?]/)[1] ?? ''}`;
    return path === '/account' || paths.has(path);
  });
  const go = (jump: Jump | undefined): void => {
    if (jump === undefined) return;
    onClose();
    void navigate(jump.to);
  };
  return (
    <Dialog at="top" label={frameTexts.search} onClose={onClose}>
      <TextInput
        data-autofocus
        className="palette-field"
        variant="unstyled"
        role="combobox"
        aria-label={frameTexts.search}
        aria-expanded
        aria-controls={listId}
        aria-activedescendant={found[at] === undefined ? undefined : `${listId}-${at}`}
        placeholder={frameTexts.searchHelp}
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={(event) => {
          if (event.key === 'ArrowDown') setAt(Math.min(found.length - 1, at + 1));
          else if (event.key === 'ArrowUp') setAt(Math.max(0, at - 1));
          else if (event.key === 'Enter') go(found[at]);
          else return;
          event.preventDefault();
        }}
      />
      <div role="listbox" id={listId} aria-label={frameTexts.search} className="palette-list">
        {found.map((jump, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: keys go to the field, which names the active option
          <div
            key={jump.to}
            id={`${listId}-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === at}
            onClick={() => go(jump)}
          >
            {jump.label}
          </div>
        ))}
      </div>
      {found.length === 0 && <p className="palette-none">{frameTexts.nothingFound(text)}</p>}
      <span className="unseen">{partTexts.rowsShown(found.length)}</span>
    </Dialog>
  );
}

const ADDRESS = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[\da-f]*:[\da-f:]+)(?:\/\d{1,3})?$/i;

function jumpsFor(text: string, entries: readonly Entry[]): readonly Jump[] {
  const wanted = text.trim().toLowerCase();
  const own = { path: '/account', name: frameTexts.account, alsoCalled: 'password second factor totp sound keys zone' };
  const screens = [...entries, own]
    .filter(({ name, alsoCalled }) => `${name} ${alsoCalled}`.toLowerCase().includes(wanted))
    .map(({ name, path }) => ({ label: name, to: path }));
  const given = encodeURIComponent(text.trim());
  if (ADDRESS.test(wanted))
    return [
      { label: frameTexts.isBlocked(text.trim()), to: `/blocked-ips?search=${given}` },
      { label: frameTexts.isAllowed(text.trim()), to: `/allowed-ips?search=${given}` },
    ];
  if (/^\d{2,8}$/.test(wanted))
    return [...screens, { label: frameTexts.callsOf(text.trim()), to: `/calls?extension=${given}` }];
  if (/^[\w-]{6,40}$/.test(wanted) && /\d/.test(wanted))
    return [...screens, { label: frameTexts.whyOf(text.trim()), to: `/calls/${given}` }];
  return screens;
}
