/** Title and icon of the browser's tab: what is shown, and how many calls wait, seen from any other tab. */

import { frameTexts } from '../texts/frame.ts';
import icon from './icon.svg';
import iconWaiting from './icon-waiting.svg';

let shown = '';
let waiting = 0;
let product: string = frameTexts.product;

function write(): void {
  const name = shown === '' ? product : `${shown} · ${product}`;
  document.title = waiting === 0 ? name : `(${waiting}) ${name}`;
  const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  if (link !== null) link.href = waiting === 0 ? icon : iconWaiting;
}

export function setTabTitle(name: string): void {
  shown = name;
  write();
}
export function setTabProduct(name: string): void {
  product = name;
  write();
}
export function setTabWaiting(count: number): void {
  waiting = count;
  write();
}
