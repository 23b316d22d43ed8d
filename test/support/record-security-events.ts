/**
 * Records what a real Asterisk 16 and 22 say of each attempt in security-attacks.ts, into test/fixtures/security-events.
 *
 *     npx tsx test/support/record-security-events.ts [name…]
 *
 * Needs `openssl` and, the first time, the packages that the end-to-end tests need. About two minutes. Each file is the
 * text of the manager interface, with `\n` for its `\r\n`, below lines that begin with `#` and say what was tried and what
 * it must be taken for. The file is written whether or not Tollgate takes it so: that is for the tests to say.
 */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AsteriskVersion } from '../../src/demo/asterisk.ts';
import type { Attack } from './attack.ts';
import { startAttackedAsterisk, type Target } from './attacked-asterisk.ts';
import { ATTACKS } from './security-attacks.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures/security-events');
/** Events come within milliseconds of what raises them. */
const SETTLED_AFTER_MS = 300;

const only = new Set(process.argv.slice(2));
const wanted = (attack: Attack, version: AsteriskVersion): boolean =>
  (attack.on ?? version) === version && (only.size === 0 || only.has(attack.name));

async function record(version: AsteriskVersion): Promise<void> {
  const target = await startAttackedAsterisk(version);
  const folder = join(FIXTURES, `asterisk-${version}`);
  await mkdir(folder, { recursive: true });
  if (only.size === 0) for (const file of await readdir(folder)) await rm(join(folder, file));
  const ear = await listen(target);
  try {
    for (const attack of ATTACKS.filter((each) => wanted(each, version))) {
      ear.forget();
      await attack.make(target);
      await sleep(SETTLED_AFTER_MS);
      target.closeWires();
      const about = [
        attack.says,
        `Recorded from Asterisk ${target.asterisk.release}.`,
        ...(attack.expected.length === 0 ? ['Expected: nothing'] : attack.expected.map((line) => `Expected: ${line}`)),
      ];
      await writeFile(
        join(folder, `${attack.name}.txt`),
        `${about.map((line) => `# ${line}\n`).join('')}\n${ear.heard()}`,
      );
    }
  } finally {
    ear.close();
    await target.stop();
  }
}

async function listen({ asterisk }: Target) {
  const { host, port, username, password } = asterisk.ami;
  const socket = connect(port, host);
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  socket.write(`Action: Login\r\nUsername: ${username}\r\nSecret: ${password}\r\nEvents: security\r\n\r\n`);
  await sleep(1_000);
  return {
    forget: () => {
      text = '';
    },
    heard: () => text.replaceAll('\r\n', '\n'),
    close: () => socket.destroy(),
  };
}

for (const version of [22, 16] as const) await record(version);
