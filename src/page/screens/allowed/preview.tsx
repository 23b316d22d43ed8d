/** What an entry would hold and change, asked of the daemon while it is typed. */
import { Button } from '@mantine/core';
import { keepPreviousData, type UseQueryResult, useQuery } from '@tanstack/react-query';
import { type ReactNode, useEffect, useState } from 'react';
import type { AllowPreview } from '../../../api/allowlist-preview-routes.ts';
import { api } from '../../api/client.ts';
import { formatCount } from '../../parts/format.ts';
import { ErrorText } from '../../parts/states.tsx';
import { allowedTexts } from '../../texts/allowed.ts';
import type { Fields } from './entries.ts';

const texts = allowedTexts.form;
const LOOK_AFTER_MS = 300;

/** @param id of the entry that is edited */
export function usePreview({ value, mask, type }: Fields, id: string | undefined): UseQueryResult<AllowPreview, Error> {
  const asked = JSON.stringify({ value: value.trim(), mask: mask.trim(), type });
  const [settled, setSettled] = useState(asked);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(asked), LOOK_AFTER_MS);
    return () => clearTimeout(timer);
  }, [asked]);
  const body: { readonly value: string; readonly mask: string; readonly type?: string } = JSON.parse(settled);
  return useQuery<AllowPreview, Error>({
    queryKey: ['allowlist', 'preview', settled, id],
    queryFn: ({ signal }) =>
      api<AllowPreview>('POST', 'allowlist/preview', {
        body: { ...body, mask: body.mask === '' ? undefined : body.mask, ...(id === undefined ? {} : { id }) },
        signal,
      }),
    enabled: body.value !== '',
    placeholderData: keepPreviousData,
  });
}

export function Preview({
  found,
  onUse,
}: {
  readonly found: UseQueryResult<AllowPreview, Error>;
  readonly onUse: (value: string) => void;
}): ReactNode {
  const { data, error, isPlaceholderData } = found;
  if (error !== null) return <ErrorText error={error} />;
  if (data === undefined) return null;
  const { suggestion } = data;
  return (
    <section className="allowed-preview" data-old={isPlaceholderData || undefined} aria-label={texts.preview}>
      <div role="status" className="allowed-preview-lines">
        {linesOf(data).map((line) => (
          <p key={line}>{line}</p>
        ))}
      </div>
      <div className="row">
        {suggestion !== null && (
          <Button size="compact-sm" onClick={() => onUse(suggestion)}>
            {texts.didYouMean(suggestion)}
          </Button>
        )}
        <UseMine preview={data} onUse={onUse} />
      </div>
    </section>
  );
}

export function UseMine({
  preview,
  onUse,
}: {
  readonly preview: AllowPreview;
  readonly onUse: (value: string) => void;
}): ReactNode {
  const { yourAddress, holdsYou } = preview;
  if (yourAddress === null || holdsYou) return null;
  return (
    <Button size="compact-sm" onClick={() => onUse(yourAddress)}>
      {texts.takeMine(yourAddress)}
    </Button>
  );
}

function linesOf({ value, type, addresses, first, last, ...found }: AllowPreview): readonly string[] {
  if (value === null) return [];
  const count = formatLong(addresses ?? '0');
  const { resolved } = found;
  return [
    ...(type === 'domain' || first === null || last === null ? [] : [texts.range(value, count, first, last)]),
    ...(resolved === null
      ? []
      : [
          resolved.problem === null
            ? texts.resolves(resolved.addresses.join(', '))
            : texts.doesNotResolve(resolved.problem),
        ]),
    ...(found.isLarge ? [texts.large(count)] : []),
    ...found.overlaps.map(({ name, relation }) =>
      relation === 'holds this'
        ? texts.inside(name)
        : relation === 'inside this'
          ? texts.around(name)
          : texts.overlaps(name),
    ),
    ...(found.freedBans > 0 ? [texts.freed(found.freedBans)] : []),
    ...(found.holdsYou ? [texts.holdsYou] : []),
  ];
}

/** Of IPv6 there are more than a number holds. */
const formatLong = (digits: string): string =>
  digits.length > 15 ? `10^${digits.length - 1}` : formatCount(Number(digits));
