/** Passwords by chance, and how they are kept: shown once, copied, or saved as a file by the browser. */

/** Without those that are taken for each other: 0 O, 1 l I. */
const CHARACTERS = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789';
const LENGTH = 24;

/** 24 characters, over 138 bits. */
export function passwordByChance(): string {
  let password = '';
  // What would make some characters likelier than others is thrown away.
  const limit = 256 - (256 % CHARACTERS.length);
  while (password.length < LENGTH)
    for (const byte of crypto.getRandomValues(new Uint8Array(LENGTH)))
      if (byte < limit && password.length < LENGTH) password += CHARACTERS.charAt(byte % CHARACTERS.length);
  return password;
}

/** The browser saves a text; nothing is sent. */
export function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/plain' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
