/** Words of the log-in. */
export const logInTexts = {
  title: 'Log in',
  again: 'Your log-in ended. Log in to go on where you were.',
  name: 'Name',
  password: 'Password',
  code: 'Code of your app',
  codeHelp: 'Six digits, if you have set up a second factor.',
  backup: 'Backup code',
  backupHelp: 'One of the ten that were shown once. Each works once.',
  useBackup: 'Use a backup code',
  useApp: 'Use the code of the app',
  enter: 'Log in',
  triesLeft: (left: number, address = 'this address', time?: string) => {
    const lasts = time === undefined ? '' : ` for ${time}`;
    return left === 0
      ? `${address} is blocked${lasts}.`
      : `${left === 1 ? '1 try' : `${left} tries`} left before ${address} is blocked${lasts}.`;
  },
  wait: (seconds: number) =>
    `Try again in ${seconds < 90 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`}.`,
} as const;
