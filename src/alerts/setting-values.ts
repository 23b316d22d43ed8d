/** Values that settings of several channels hold. */
import { z } from 'zod';

/** An address of the web, path and query included. The sentence does not repeat it: it may be a secret. */
export const webUrl = z.string().refine((text) => /^https?:\/\//i.test(text) && URL.canParse(text) && !hasLogIn(text), {
  error: 'expected an address that begins with https:// or http:// and has no log-in',
});

const hasLogIn = (text: string): boolean => {
  const { username, password } = new URL(text);
  return username !== '' || password !== '';
};
