/**
 * A model of what Asterisk does to `EXEC MSet "A=1,B=2"`, to prove commands against: the AGI reader takes one line of
 * at most 2047 bytes, the tokeniser splits it at blanks and unquotes, MSet splits at commas outside brackets and quotes
 * and unquotes again, and each pair splits at its first `=`.
 *
 * Written to be suspicious: where the real thing is lenient, the model shows the text it would have been lenient with.
 */

const AGI_BUFFER_BYTES = 2048;

/** The commands that Asterisk reads from a stream: one per line, a longer line falling into several. */
export function commandsInStream(stream: string): string[] {
  const commands: string[] = [];
  for (const line of Buffer.from(stream, 'utf8').toString('latin1').split('\n')) {
    for (let at = 0; at < line.length; at += AGI_BUFFER_BYTES - 1) {
      // The buffer is a C string: what follows a NUL is not seen.
      commands.push(line.slice(at, at + AGI_BUFFER_BYTES - 1).split('\0', 1)[0] ?? '');
    }
  }
  return commands;
}

/** The words of an AGI command. A backslash takes the next character as it is; a quote opens or closes. */
export function agiWords(command: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quoted = false;
  for (let at = 0; at < command.length; at += 1) {
    const character = command.charAt(at);
    if (character === '\\') {
      at += 1;
      word = (word ?? '') + command.charAt(at);
    } else if (character === '"') {
      quoted = !quoted;
      word ??= '';
    } else if (!quoted && (character === ' ' || character === '\t')) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? '') + character;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** The pairs that MSet sets. */
export function mSetPairs(data: string): Array<[string, string]> {
  return split(data, ',').map((pair) => {
    const equals = pair.indexOf('=');
    return equals === -1 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
  });
}

function split(text: string, delimiter: string): string[] {
  const parts = [''];
  let depth = 0;
  let quoted = false;
  const append = (character: string): void => {
    parts[parts.length - 1] += character;
  };
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === '\\') {
      at += 1;
      append(text.charAt(at));
    } else if (character === '"') {
      quoted = !quoted;
    } else if (character === delimiter && depth === 0 && !quoted) {
      parts.push('');
    } else {
      if (character === '(' || character === '[' || character === '{') depth += 1;
      if (character === ')' || character === ']' || character === '}') depth -= 1;
      append(character);
    }
  }
  return parts;
}
