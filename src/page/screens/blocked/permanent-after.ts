/** After how many temporary blocks the next one is permanent, as the settings say. */
import type { Settings } from '../../../policy/settings.ts';
import { useApi } from '../../api/queries.ts';
import { useSession } from '../../api/session.tsx';

export function usePermanentAfter(): number | undefined {
  const { may } = useSession();
  const { data } = useApi<{ readonly settings: Settings }>(may('settings:read') ? 'settings' : undefined);
  return data?.settings.autoBan.permanentAfter;
}
