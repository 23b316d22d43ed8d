/** A field that searches on Enter and shortly after typing stops; `/` goes to it. */
import { TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { type ReactNode, useEffect, useEffectEvent, useRef, useState } from 'react';
import { useKeys } from '../frame/keys.tsx';
import { partTexts } from '../texts/frame.ts';

const PAUSE_MS = 300;

export function SearchField({
  label,
  value,
  onSearch,
  isFocused = false,
}: {
  readonly label: string;
  readonly value: string;
  readonly onSearch: (text: string) => void;
  /** Takes the focus at once, and waits for Enter. */
  readonly isFocused?: boolean;
}): ReactNode {
  const [text, setText] = useState(value);
  const [known, setKnown] = useState(value);
  const field = useRef<HTMLInputElement>(null);
  // The address was changed by something else: a chip, Back.
  if (value !== known) {
    setKnown(value);
    setText(value);
  }
  const search = useEffectEvent(() => {
    if (text.trim() !== value) onSearch(text.trim());
  });
  useEffect(() => {
    if (isFocused) field.current?.focus();
  }, [isFocused]);
  useEffect(() => {
    if (isFocused || text === value) return;
    const timer = setTimeout(search, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text, value, isFocused]);
  useKeys([{ keys: '/', says: partTexts.searchKey, run: () => field.current?.focus() }], !isFocused);
  return (
    <TextInput
      ref={field}
      type="search"
      className="search-field"
      aria-label={label}
      placeholder={label}
      value={text}
      leftSection={<IconSearch size={16} stroke={1.75} />}
      onChange={(event) => setText(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key === 'Enter') onSearch(text.trim());
        if (event.key === 'Escape' && isFocused) onSearch('');
      }}
    />
  );
}
