/** What `npm run screenshots` takes: one file per area beside this one, a line per picture. */
import type { Browser, Page } from 'playwright-core';
import type { createApprovalsClient } from '../../support/approvals-client.ts';
import type { TestScene } from '../../support/scene.ts';

/** The daemon with its Asterisk that pictures are taken of; `dana` (Owner) is logged in. */
export interface PictureSet {
  readonly scene: TestScene;
  readonly browser: Browser;
  /** Of the page, without a path. */
  readonly url: string;
  /** Decides over the control socket, as somebody else. */
  readonly people: ReturnType<typeof createApprovalsClient>;
  /** Begins a call and waits for nothing. */
  readonly place: (from: string, destination: string) => void;
  /** A page of another window with the same log-in and look, closed after the picture. */
  readonly another: () => Promise<Page>;
}

export interface Picture {
  /** `check-NN-…` where it shows one of the checks of docs/page.md. */
  readonly name: string;
  readonly path: string;
  /** What has to be on the screen before it is taken, and may be done for it. */
  readonly ready: (page: Page, set: PictureSet) => Promise<unknown>;
  /** Of a page of another daemon, in place of the one that `ready` got. */
  readonly elsewhere?: (look: {
    readonly size: { readonly width: number; readonly height: number };
    readonly scheme: 'light' | 'dark';
  }) => Promise<{ readonly page: Page; readonly close: () => Promise<unknown> }>;
  /** Puts back what `ready` changed for all. */
  readonly after?: (page: Page, set: PictureSet) => Promise<unknown>;
  /** In grey, for what has to be told apart without colour. */
  readonly isGrey?: true;
  /** The sizes that it makes sense at; both where left out. */
  readonly only?: 'desk' | 'phone';
}
