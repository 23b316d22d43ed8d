/**
 * Which call is this? One call may ask several times: a dialplan that tries a second trunk, one that loops, one whose
 * first answer was lost. It is charged once.
 *
 * The id is made from the channel that asked first, and handed to the dialplan in a variable that channels made by that
 * one inherit. An inherited id is believed only on the same channel or under the same linked id; the destination is
 * compared by the store's key. A linked id alone proves nothing: bridging gives strangers the same one.
 */
import { hash, randomBytes } from 'node:crypto';

export interface CallIdentity {
  readonly id: string;
  /** Value for the channel variable, believed again by `readCallIdentity`. */
  readonly token: string;
}

export interface IdentityInput {
  /** Names the Asterisk among those that share a store: unique ids are unique on one of them only. */
  readonly asterisk: string;
  readonly uniqueId: string;
  readonly linkedId: string;
  /** The variable as the channel has it; empty on a first request. */
  readonly token: string;
}

export function readCallIdentity(input: IdentityInput): CallIdentity {
  const [id, uniqueMark, linkedMark, ...rest] = input.token.split('.');
  const unique = mark(input.asterisk, input.uniqueId);
  // The first channel of a call has one id for both.
  const linked = input.linkedId === input.uniqueId ? unique : mark(input.asterisk, input.linkedId);
  const own = { unique, linked };
  const wellFormed = id !== undefined && /^[0-9a-f]{16}$/.test(id) && rest.length === 0;
  if (
    wellFormed &&
    ((own.unique !== '' && uniqueMark === own.unique) || (own.linked !== '' && linkedMark === own.linked))
  ) {
    return { id, token: input.token };
  }
  const made = own.unique === '' ? randomBytes(8).toString('hex') : own.unique;
  return { id: made, token: `${made}.${own.unique}.${own.linked}` };
}

/** Short, of safe characters, and without what the channel's name would tell: it travels in a variable. */
const mark = (asterisk: string, id: string): string =>
  id === '' ? '' : hash('sha1', `${asterisk}\n${id}`, 'hex').slice(0, 16);
