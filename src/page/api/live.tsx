/**
 * The live stream as the page has it: one for all screens, and where the browser can, one for all of its tabs.
 *
 * HTTP/1.1 browsers open six connections to a host; seven tabs with a stream each would leave none to ask anything. The tab
 * that holds the lock reads the stream and passes it on; without locks (plain HTTP from afar) each tab reads its own.
 */
import { useQueryClient } from '@tanstack/react-query';
import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useEffectEvent,
  useMemo,
  useRef,
  useState,
} from 'react';
import { tellSignedOut } from './client.ts';
import type { StreamEvent } from './event-text.ts';
import { type LiveState, type LiveStream, openLiveStream, readJson } from './live-stream.ts';
import { TOUCHED } from './queries.ts';
import { noteServerTime, serverNow } from './server-clock.ts';

export interface LiveEvent {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}
type Listener = (event: LiveEvent) => void;

interface Live {
  readonly state: LiveState;
  readonly retryNow: () => void;
  readonly listen: (listener: Listener) => () => void;
}

const Context = createContext<Live | undefined>(undefined);

function useLiveContext(): Live {
  const live = useContext(Context);
  if (live === undefined) throw new Error('outside of LiveProvider');
  return live;
}

export const useLiveState = (): Pick<Live, 'state' | 'retryNow'> => useLiveContext();

/** Calls back for each event of these types, as it comes; `resync` comes to all: something may have been missed. */
export function useLiveEvents(types: readonly string[], onEvent: Listener): void {
  const { listen } = useLiveContext();
  const wanted = types.join(' ');
  const tell = useEffectEvent(onEvent);
  useEffect(
    () =>
      listen((event) => {
        if (event.type === 'resync' || wanted.split(' ').includes(event.type)) tell(event);
      }),
    [listen, wanted],
  );
}

const STREAM_URL = '/api/v1/events';
const REFRESH_EVERY_MS = 1000;
const NOT_YET: LiveState = { word: 'catching-up', heardAt: undefined, triesAgainAt: undefined };

/** @param user whose stream it is: another one gets another stream, and tabs of others never hear it */
export function LiveProvider({ user, children }: { readonly user: string; readonly children: ReactNode }): ReactNode {
  const queries = useQueryClient();
  const [state, setState] = useState<LiveState>(NOT_YET);
  const listeners = useRef(new Set<Listener>());
  const source = useRef<LiveStream>(undefined);

  useEffect(() => {
    const old = new Set<string>();
    const refresh = setInterval(() => {
      if (old.size === 0 || document.hidden) return;
      for (const noun of old)
        void (noun === '*' ? queries.invalidateQueries() : queries.invalidateQueries({ queryKey: [noun] }));
      old.clear();
    }, REFRESH_EVERY_MS);
    const onEvent = ({ type, data }: StreamEvent): void => {
      for (const noun of type === 'resync' ? ['*'] : (TOUCHED[type] ?? [])) old.add(noun);
      for (const listener of listeners.current) listener({ type, data: readJson(data) });
    };
    source.current = shareStream(user, { onEvent, onState: setState, onSignedOut: tellSignedOut });
    return () => {
      clearInterval(refresh);
      source.current?.close();
    };
  }, [user, queries]);

  const listen = useCallback((listener: Listener) => {
    listeners.current.add(listener);
    return () => void listeners.current.delete(listener);
  }, []);
  const live = useMemo(() => ({ state, listen, retryNow: () => source.current?.retryNow() }), [state, listen]);
  return <Context value={live}>{children}</Context>;
}

type Sink = Omit<Parameters<typeof openLiveStream>[0], 'url'>;
type Passed =
  | { readonly event: StreamEvent }
  | { readonly state: LiveState; readonly serverTime: number }
  | { readonly hello: true };

/** The stream, read by one of the tabs for all of them. */
function shareStream(user: string, sink: Sink): LiveStream {
  const { locks } = navigator as { readonly locks?: LockManager };
  if (locks === undefined || typeof BroadcastChannel === 'undefined')
    return openLiveStream({ ...sink, url: STREAM_URL });
  const name = `tollgate stream of ${user}`;
  const channel = new BroadcastChannel(name);
  const ended = new AbortController();
  let own: LiveStream | undefined;
  let last: LiveState = NOT_YET;
  const pass = (message: Passed): void => {
    if (!ended.signal.aborted) channel.postMessage(message);
  };
  channel.onmessage = ({ data }: MessageEvent<Passed>) => {
    if ('event' in data) sink.onEvent(data.event);
    else if ('state' in data) {
      noteServerTime(data.serverTime);
      sink.onState(data.state);
    } else if (own !== undefined) pass({ state: last, serverTime: serverNow() });
  };
  pass({ hello: true });
  const read = (): Promise<void> =>
    new Promise((resolve) => {
      ended.signal.addEventListener('abort', () => resolve());
      own = openLiveStream({
        url: STREAM_URL,
        onEvent: (event) => {
          sink.onEvent(event);
          pass({ event });
        },
        onState: (state) => {
          last = state;
          sink.onState(state);
          pass({ state, serverTime: serverNow() });
        },
        onSignedOut: sink.onSignedOut,
      });
    });
  void locks.request(name, { signal: ended.signal }, read).catch(() => undefined);
  return {
    retryNow: () => own?.retryNow(),
    close: () => {
      ended.abort();
      own?.close();
      channel.close();
    },
  };
}
