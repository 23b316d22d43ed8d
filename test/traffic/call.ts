/** One outbound call of made-up traffic, and files of them as Asterisk's table of call records is exported. */

export interface TrafficCall {
  /** Epoch ms, whole seconds. */
  readonly startMs: number;
  readonly extension: string;
  /** As dialled: national with its 1, foreign behind 011. */
  readonly dialled: string;
  readonly ringSeconds: number;
  /** 0 unless answered. */
  readonly talkSeconds: number;
  readonly disposition: 'ANSWERED' | 'NO ANSWER' | 'BUSY';
  /** It left through a Local channel, for a call that came in; the accountcode tells whose forward it is. */
  readonly forwarded?: boolean;
  /** Undefined: an honest call. */
  readonly attack?: string;
}

export const SECOND_MS = 1000;
export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;
/** A Monday, midnight of a site whose clock shows UTC: no hour comes twice. */
export const FIRST_DAY_MS = Date.UTC(2026, 1, 2);

export const TRUNK = 'carrier-a';

const HEADER =
  'calldate,src,dst,channel,dstchannel,lastapp,lastdata,duration,billsec,disposition,accountcode,uniqueid,linkedid';

/**
 * The records of calls as one file, in the order in which the calls begin, so that the first row is the first call.
 *
 * @returns the text, and the calls in the order of its rows
 */
export function cdrOf(calls: readonly TrafficCall[]): { readonly text: string; readonly rows: readonly TrafficCall[] } {
  const rows = calls.toSorted((one, other) => one.startMs - other.startMs);
  const lines = rows.map((call, at) => {
    const { startMs, extension, dialled, ringSeconds, talkSeconds, disposition, forwarded } = call;
    const channel = at.toString(16).padStart(8, '0');
    const id = `${Math.floor(startMs / 1000)}.${at}`;
    return [
      new Date(startMs).toISOString().slice(0, 19).replace('T', ' '),
      extension,
      dialled,
      forwarded ? `Local/${dialled}@from-internal-${channel};2` : `PJSIP/${extension}-${channel}`,
      `PJSIP/${TRUNK}-${channel}`,
      'Dial',
      `PJSIP/${dialled}@${TRUNK}`,
      ringSeconds + talkSeconds,
      talkSeconds,
      disposition,
      forwarded ? extension : '',
      id,
      id,
    ].join(',');
  });
  return { text: `${[HEADER, ...lines].join('\n')}\n`, rows };
}
