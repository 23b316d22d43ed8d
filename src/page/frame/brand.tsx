/** Name and logo, the customer's own where he set them: the only places of his colour besides the current menu entry. */
import { type ReactNode, useEffect } from 'react';
import { useApi } from '../api/queries.ts';
import { frameTexts } from '../texts/frame.ts';
import icon from './icon.svg';
import { setTabProduct } from './tab-title.ts';

/** Answered without a log-in. */
interface Branding {
  readonly name: string;
  readonly colour: string | null;
  readonly colourOnDark: string | null;
  /** Address of the picture. */
  readonly logo: string | null;
}

export function Brand(): ReactNode {
  const { data } = useApi<Branding>('branding');
  const name = data?.name ?? frameTexts.product;
  useEffect(() => {
    if (data === undefined) return;
    setTabProduct(data.name);
    const { style } = document.documentElement;
    for (const [variable, colour] of [
      ['--brand-on-light', data.colour],
      ['--brand-on-dark', data.colourOnDark],
    ] as const)
      if (colour === null) style.removeProperty(variable);
      else style.setProperty(variable, colour);
  }, [data]);
  return (
    <span className="brand">
      <img src={data?.logo ?? icon} alt="" height={24} />
      <span>{name}</span>
    </span>
  );
}
