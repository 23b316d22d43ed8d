/**
 * Events and channels of ARI as the rest of the program sees them. Pure.
 *
 * Guarantees that any text at all is either an event or undefined, that a field of a wrong kind is read as absent, and
 * that an event of a kind nobody foresaw is an event like any other.
 * Shapes: https://docs.asterisk.org/Latest_API/API_Documentation/Asterisk_REST_Interface/Asterisk_REST_Data_Models/
 */

export interface AriChannel {
  readonly id: string;
  /** Such as `PJSIP/1001-00000003`. */
  readonly name: string;
  /** `Down`, `Ring`, `Ringing`, `Up`, … */
  readonly state: string;
  readonly callerNumber: string;
  readonly callerName: string;
  readonly language: string;
  /** Where the channel stands in the dialplan: while it is in an application, at the `Stasis(…)` it came from. */
  readonly context: string;
  readonly extension: string;
  readonly priority: number;
  /** Those that `channelvars` in ari.conf names. */
  readonly variables: Readonly<Record<string, string>>;
}

export interface AriEvent {
  /** Such as `StasisStart`. */
  readonly type: string;
  readonly channel: AriChannel | undefined;
  /** The arguments after the application's name in `Stasis(…)`; empty for every other event. */
  readonly args: readonly string[];
  /** Of ChannelDtmfReceived: `0` to `9`, `*`, `#`, `A` to `D`; otherwise `''`. */
  readonly digit: string;
  /** The hang-up cause (Q.850) of ChannelHangupRequest and ChannelDestroyed. */
  readonly cause: number | undefined;
  /** Of PlaybackStarted, PlaybackContinuing and PlaybackFinished; otherwise `''`. */
  readonly playbackId: string;
  /** `done` or `failed` in PlaybackFinished, `playing` before; `''` for every other event. */
  readonly playbackState: string;
  /** The event as it came. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** The event in a frame of the event socket; undefined if it is not one. */
export function parseAriEvent(frame: string): AriEvent | undefined {
  let raw: unknown;
  try {
    raw = JSON.parse(frame);
  } catch {
    return undefined;
  }
  if (!isRecord(raw)) return undefined;
  const type = textOf(raw['type']);
  if (type === '') return undefined;
  const playback = recordOf(raw['playback']);
  return {
    type,
    channel: ariChannelOf(raw['channel']),
    args: Array.isArray(raw['args']) ? raw['args'].map(textOf) : [],
    digit: textOf(raw['digit']),
    cause: numberOf(raw['cause']),
    playbackId: textOf(playback['id']),
    playbackState: textOf(playback['state']),
    raw,
  };
}

/** A channel as ARI writes it in events and answers; undefined if it is none. */
export function ariChannelOf(value: unknown): AriChannel | undefined {
  const raw = recordOf(value);
  const id = textOf(raw['id']);
  if (id === '') return undefined;
  const caller = recordOf(raw['caller']);
  const dialplan = recordOf(raw['dialplan']);
  return {
    id,
    name: textOf(raw['name']),
    state: textOf(raw['state']),
    callerNumber: textOf(caller['number']),
    callerName: textOf(caller['name']),
    language: textOf(raw['language']),
    context: textOf(dialplan['context']),
    extension: textOf(dialplan['exten']),
    priority: numberOf(dialplan['priority']) ?? 0,
    variables: Object.fromEntries(
      Object.entries(recordOf(raw['channelvars'])).map(([name, content]) => [name, textOf(content)]),
    ),
  };
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const recordOf = (value: unknown): Readonly<Record<string, unknown>> => (isRecord(value) ? value : {});
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const numberOf = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);
