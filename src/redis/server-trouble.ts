/**
 * Why the private server did not start, in words for the person who has to mend it.
 *
 * Reads the end of the server's own log, from where this start began, and recognises the one case that needs a tool: an
 * append-only file that is damaged anywhere but at its end. Never throws; without a log it says less.
 */
import { access, open } from 'node:fs/promises';
import { join } from 'node:path';
import { TollgateError } from '../errors.ts';

const tailBytes = 8 * 1024;
const tailLines = 8;

/** The error to throw, code `STORE_UNAVAILABLE`. `logFrom` is the size of the log before this start, in bytes. */
export async function serverTrouble(failed: {
  readonly program: string;
  readonly dataDir: string;
  readonly logFile: string;
  readonly logFrom: number | undefined;
  readonly why: string;
}): Promise<TollgateError> {
  const tail = await tailOf(failed.logFile, failed.logFrom ?? 0);
  const said =
    tail.length === 0 ? `${failed.logFile} says nothing` : `${failed.logFile} ends with:\n${tail.join('\n')}`;
  if (tail.some((line) => damagedFile.test(line))) {
    const file = await appendOnlyFile(failed.dataDir);
    return new TollgateError(
      'STORE_UNAVAILABLE',
      `the stored data is damaged: ${failed.program} ${failed.why}. Copy ${failed.dataDir} to a safe place, then run: redis-check-aof --fix ${file}\n${said}`,
    );
  }
  return new TollgateError('STORE_UNAVAILABLE', `${failed.program} ${failed.why}; ${said}`);
}

// The wording of Redis 6 to 8 and Valkey 7.2 to 9 (aof.c).
const damagedFile =
  /Bad file format reading the append only file|Unexpected end of file reading the append only file|Unrecoverable error reading the append only file|Error reading the RDB preamble of the AOF|Unknown command .* reading the append only file|Invalid AOF manifest|The AOF manifest file/i;

/** Since Redis 7 the file is a folder of parts with a manifest (redis-check-aof wants the manifest); before, one file. */
async function appendOnlyFile(dataDir: string): Promise<string> {
  const manifest = join(dataDir, 'appendonlydir', 'appendonly.aof.manifest');
  try {
    await access(manifest);
    return manifest;
  } catch {
    return join(dataDir, 'appendonly.aof');
  }
}

async function tailOf(file: string, from: number): Promise<readonly string[]> {
  const handle = await open(file, 'r').catch(() => undefined);
  if (handle === undefined) return [];
  try {
    const { size } = await handle.stat();
    const begin = Math.max(Math.min(from, size), size - tailBytes);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(tailBytes), 0, tailBytes, begin);
    const lines = buffer.toString('utf8', 0, bytesRead).split('\n');
    return lines.filter((line) => line.trim() !== '').slice(-tailLines);
  } catch {
    return [];
  } finally {
    await handle.close();
  }
}
