/** CSV files that commands take, as bytes: from a path or from standard input, never more than a reader would accept. */
import { createReadStream } from 'node:fs';
import { LARGEST_FILE_BYTES } from '../csv/table.ts';
import { CommandFailed } from './context.ts';
import type { Terminal } from './terminal.ts';

/**
 * Stops once it has more than {@link LARGEST_FILE_BYTES}, which the reader refuses; a pipe does not say how long it is.
 *
 * @param path of the file; `-` for standard input
 * @throws {CommandFailed} if it cannot be read, or if standard input is not UTF-8
 */
export async function readCsvFile(terminal: Terminal, path: string): Promise<Uint8Array> {
  if (path === '-') {
    const text = await terminal.readStdin();
    // Standard input has been decoded already; what was no UTF-8 has become this character.
    if (text.includes('\uFFFD')) throw new CommandFailed('standard input is not UTF-8; save it as UTF-8');
    return Buffer.from(text);
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(path)) {
      const part = Buffer.from(chunk);
      chunks.push(part);
      bytes += part.length;
      if (bytes > LARGEST_FILE_BYTES) break;
    }
  } catch {
    throw new CommandFailed(`${path} cannot be read`);
  }
  return Buffer.concat(chunks);
}
