/** Says that somebody looks after an alert; who was second is told who was first. */
import { ApiError, api } from '../../api/client.ts';
import { useRefresh } from '../../api/queries.ts';
import { sentence } from '../../parts/format.ts';
import { say, sayProblem } from '../../parts/undo.tsx';
import { alertTexts as texts } from '../../texts/alerts.ts';

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
