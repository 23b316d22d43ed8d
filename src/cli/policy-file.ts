/** Policy files that commands take. */
import { type PolicyDocument, readPolicyDocument } from '../policy/document.ts';
import { formatProblem } from '../policy/problem.ts';
import { CommandFailed } from './context.ts';
import type { Terminal } from './terminal.ts';
import { readYamlFile } from './yaml-file.ts';

/**
 * Reads a policy file: YAML, of which JSON is a part; `-` is standard input.
 *
 * @param consequence what comes of a mistake, such as `nothing was changed`
 * @throws {CommandFailed} with every mistake, each with its line and path
 */
export async function readPolicyFile(terminal: Terminal, path: string, consequence: string): Promise<PolicyDocument> {
  const { file, ...yaml } = await readYamlFile(terminal, path);
  const read = readPolicyDocument(yaml.tree);
  if ('document' in read) return read.document;
  const located = read.problems.map((problem) => {
    const position = yaml.locate(pathKeys(problem.path));
    return `${file}${position === undefined ? '' : `:${position.line}`}: ${formatProblem(problem)}`;
  });
  const count = located.length === 1 ? 'a mistake' : `${located.length} mistakes`;
  throw new CommandFailed([...located, `${file} has ${count}; ${consequence}.`].join('\n'));
}

const pathKeys = (path: string): (string | number)[] =>
  [...path.matchAll(/\[(\d+)\]|"((?:[^"\\]|\\.)*)"|([^.[\]"]+)/g)].map(([, index, quoted, name]) =>
    index === undefined ? (quoted === undefined ? (name ?? '') : String(JSON.parse(`"${quoted}"`))) : Number(index),
  );
