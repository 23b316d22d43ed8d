/** Starts the page. */
import { MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { RouterProvider } from 'react-router/dom';
import { createQueries } from './api/queries.ts';
import { SessionProvider } from './api/session.tsx';
import { Announcer } from './frame/announcer.tsx';
import { router } from './router.tsx';
import { theme, variables } from './theme/theme.ts';
import './theme/page.css';

const place = document.getElementById('page');
if (place === null) throw new Error('the document has no place for the page');
/** Browsers hide the attribute from scripts of others, and keep the property for this one. */
const nonce = document.querySelector<HTMLMetaElement>('meta[name="style-nonce"]')?.nonce;

// The one other that writes styles at run time, to lock the scrolling behind a dialog, looks here.
Object.assign(globalThis, { __webpack_nonce__: nonce });

createRoot(place).render(
  <StrictMode>
    <MantineProvider
      theme={theme}
      cssVariablesResolver={variables}
      defaultColorScheme="auto"
      getStyleNonce={() => nonce ?? ''}
      deduplicateCssVariables
    >
      <QueryClientProvider client={createQueries()}>
        <SessionProvider>
          <Announcer />
          <RouterProvider router={router} />
        </SessionProvider>
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
