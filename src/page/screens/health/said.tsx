/** What a part says of itself, with the times in it as everywhere on the page. */
import { Fragment, type ReactNode } from 'react';
import { Time } from '../../parts/time.tsx';

const INSTANT = /(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)/;

export function Said({ text }: { readonly text: string }): ReactNode {
  return text.split(INSTANT).map((piece, at) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: pieces of one text stay in their places
    <Fragment key={at}>{INSTANT.test(piece) ? <Time at={piece} /> : piece}</Fragment>
  ));
}
