/**
 * The one AGI command that Tollgate sends: `EXEC MSet "A=1,B=2"`, all variables of an answer in one line.
 *
 * One command instead of one per variable saves a round trip and a fifth of the server's CPU for each call.
 * Guarantees that no value can begin a second AGI command, set a second variable, or become an expression when the
 * dialplan later uses it, inside `$[ ]` or in an application's arguments. Does so by reducing values to characters
 * that mean nothing anywhere between here and there, and not by quoting: a value passes through the AGI tokeniser, the
 * argument parser of MSet and whatever the dialplan does, and each of them unquotes by rules of its own.
 */

/** Longest value in characters; more is cut off. Room for a sentence. */
export const MAX_VALUE_LENGTH = 250;

/** MSet takes 24 pairs and glues the rest to the last one. */
export const MAX_VARIABLES = 24;

/**
 * Longest command in bytes, its LF included. Asterisk reads commands into a buffer of 2048 bytes and takes what does
 * not fit for the next command, so a longer line must never be sent.
 */
export const MAX_COMMAND_BYTES = 2000;

const MAX_NAME_LENGTH = 64;
const VARIABLE_NAME = /^_{0,2}[A-Z][A-Z0-9_]*$/;

const SAFE_VALUE = /^[A-Za-z0-9.:_+\-/#*@=%~]+(?: [A-Za-z0-9.:_+\-/#*@=%~]+)*$/;
const COMBINING_MARKS = /\p{M}+/gu;
/** White space, control and format characters, and punctuation that reads well as a gap. */
const BECOMES_BLANK = /[\s\p{C},;|()[\]{}<>"'`]+/gu;
const BECOMES_UNDERSCORE = /[^A-Za-z0-9.:_+\-/#*@=%~ ]/gu;

/** Names and values of the channel variables to set, in order. */
export type SetVariables = ReadonlyArray<readonly [name: string, value: string]>;

/**
 * The value as it will stand on the channel: letters, digits, single blanks inside, and `. : _ + - / # * @ = % ~`.
 *
 * Accents are dropped (`Zürich` → `Zurich`); white space, control characters, quotes, brackets, comma, semicolon and
 * bar become one blank; anything else becomes `_`. Blanks at both ends go, and the result is cut at `maxLength`.
 * Safe values, which identifiers and numbers are, come out as they went in.
 */
export function channelValue(value: string, maxLength: number = MAX_VALUE_LENGTH): string {
  if (value.length <= maxLength && SAFE_VALUE.test(value)) return value;
  return value
    .slice(0, 4 * MAX_VALUE_LENGTH)
    .normalize('NFKD')
    .replace(COMBINING_MARKS, '')
    .replace(BECOMES_BLANK, ' ')
    .replace(BECOMES_UNDERSCORE, '_')
    .trimStart()
    .slice(0, maxLength)
    .trimEnd();
}

/**
 * The command line that sets all `variables`, ended by LF, never longer than MAX_COMMAND_BYTES: if it would be, the
 * longest values are cut further, and short ones (verdicts, identifiers, causes) stay whole.
 *
 * @throws Error if there are no variables or more than MAX_VARIABLES, or if a name is not
 * `^_{0,2}[A-Z][A-Z0-9_]*$` of at most 64 characters: names are the program's own, never input.
 */
export function encodeSetVariables(variables: SetVariables): string {
  if (variables.length === 0 || variables.length > MAX_VARIABLES) {
    throw new Error(`an AGI answer sets 1 to ${MAX_VARIABLES} variables, not ${variables.length}`);
  }
  for (const [name] of variables) {
    if (name.length > MAX_NAME_LENGTH || !VARIABLE_NAME.test(name)) {
      throw new Error(`not a channel variable name: ${JSON.stringify(name)}`);
    }
  }
  for (let maxLength = MAX_VALUE_LENGTH; ; maxLength >>= 1) {
    const command = commandLine(variables, maxLength);
    // Every character is ASCII, so the length in characters is the length in bytes. Names alone always fit.
    if (command.length <= MAX_COMMAND_BYTES || maxLength === 0) return command;
  }
}

function commandLine(variables: SetVariables, maxLength: number): string {
  let pairs = '';
  for (const [name, value] of variables) {
    pairs += `${pairs === '' ? '' : ','}${name}=${channelValue(value, maxLength)}`;
  }
  return `EXEC MSet "${pairs}"\n`;
}
