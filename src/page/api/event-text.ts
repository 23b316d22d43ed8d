/** Reads a stream of server-sent events (HTML Standard, section 9.2.6) piece by piece. Pure. */

export interface StreamEvent {
  readonly id: string | undefined;
  readonly type: string;
  readonly data: string;
}

/** More than this without an event's end is no stream of ours. */
const LONGEST_EVENT = 1_000_000;

/** @returns what a piece of text completes; keeps the rest for the next one. @throws {RangeError} on an endless event */
export function createEventReader(): (text: string) => readonly StreamEvent[] {
  let rest = '';
  return (text) => {
    rest += text;
    const blocks = rest.split(/\r?\n\r?\n/);
    rest = blocks.pop() ?? '';
    if (rest.length > LONGEST_EVENT) throw new RangeError('an event of the stream does not end');
    return blocks.flatMap((block) => eventIn(block));
  };
}

function eventIn(block: string): readonly StreamEvent[] {
  let id: string | undefined;
  let type = 'message';
  const data: string[] = [];
  for (const line of block.split(/\r?\n/)) {
    const colon = line.indexOf(':');
    const [name, value] = colon < 0 ? [line, ''] : [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, '')];
    if (name === 'id') id = value;
    else if (name === 'event') type = value;
    else if (name === 'data') data.push(value);
  }
  // A comment alone is a sign of life too.
  return [{ id, type: data.length === 0 ? 'comment' : type, data: data.join('\n') }];
}
