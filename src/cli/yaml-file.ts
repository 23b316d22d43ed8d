/** Files that commands take: YAML, of which JSON is a part, from a path or from standard input. */
import { readFile } from 'node:fs/promises';
import { parseYamlDocument, type YamlDocument } from '../config/yaml-document.ts';
import { CommandFailed } from './context.ts';
import type { Terminal } from './terminal.ts';

export interface YamlFile extends Pick<YamlDocument, 'tree' | 'locate'> {
  /** What it is called in messages. */
  readonly file: string;
}

/**
 * @param path of the file; `-` for standard input
 * @throws {CommandFailed} if it cannot be read, or with everything that is wrong with it as YAML
 */
export async function readYamlFile(terminal: Terminal, path: string): Promise<YamlFile> {
  const file = path === '-' ? 'standard input' : path;
  const { tree, problems, locate } = parseYamlDocument(path === '-' ? await terminal.readStdin() : await read(path));
  if (problems.length === 0) return { file, tree, locate };
  throw new CommandFailed(problems.map(({ message, position }) => `${file}:${position.line}: ${message}`).join('\n'));
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new CommandFailed(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}
