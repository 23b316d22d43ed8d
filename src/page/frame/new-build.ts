/** Whether the daemon serves a newer page than this one: asked when the stream begins anew, as it does after an update. */
import { useState } from 'react';
import { useLiveEvents } from '../api/live.tsx';

const SCRIPT = /src="(\/assets\/index-[^"]+\.js)"/;

export function useNewBuild(): boolean {
  const [isNew, setNew] = useState(false);
  useLiveEvents(['hello'], ({ type }) => {
    if (type !== 'hello') return;
    void fetch('/', { credentials: 'same-origin', cache: 'no-store' })
      .then((answer) => answer.text())
      .then((text) => {
        const [, script] = SCRIPT.exec(text) ?? [];
        const isOwn = script === undefined || document.querySelector(`script[src="${script}"]`) !== null;
        if (!isOwn) setNew(true);
      })
      // It is asked again with the next beginning.
      .catch(() => undefined);
  });
  return isNew;
}
