/** Says that somebody looks after an alert, or lets it rest; who was second is told who was first. */
import { ApiError, api } from '../../api/client.ts';
import { useRefresh } from '../../api/queries.ts';
import { sentence } from '../../parts/format.ts';
import { say, sayProblem } from '../../parts/undo.tsx';
import { alertTexts as texts } from '../../texts/alerts.ts';

/** Lets nobody hear of an alert for an hour; Undo tells it again. */
export function useSnooze(): {
  readonly snooze: (id: string) => Promise<void>;
  readonly wake: (id: string) => Promise<void>;
} {
  const refresh = useRefresh();
  const ask = async (verb: 'POST' | 'DELETE', id: string, said: () => void): Promise<void> => {
    try {
      await api(verb, `alerts/${encodeURIComponent(id)}/snooze`);
      said();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      sayProblem(sentence(error.message));
    }
    await refresh('alerts');
  };
  const wake = (id: string): Promise<void> => ask('DELETE', id, () => say(texts.woken));
  return {
    wake,
    snooze: (id) =>
      ask('POST', id, () =>
        say(texts.snoozed, async () => {
          await api('DELETE', `alerts/${encodeURIComponent(id)}/snooze`);
          await refresh('alerts');
        }),
      ),
  };
}

export function useAcknowledge(): (id: string) => Promise<void> {
  const refresh = useRefresh();
  return async (id) => {
    try {
      await api('POST', `alerts/${encodeURIComponent(id)}/acknowledge`);
      say(texts.acknowledged);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      sayProblem(sentence(error.message));
    }
    await refresh('alerts');
  };
}
