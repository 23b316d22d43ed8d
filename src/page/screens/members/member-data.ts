/** What the tabs of Groups and trunks fetch and do alike. */
import type { PolicyDocument, RuleDocument } from '../../../policy/document.ts';
import { api, receive } from '../../api/client.ts';
import { useRefresh } from '../../api/queries.ts';
import { say } from '../../parts/undo.tsx';
import { membersTexts as texts } from '../../texts/members.ts';
import { rulesTexts } from '../../texts/rules.ts';

export const KINDS = ['extensions', 'groups', 'trunks', 'destinations'] as const;
export type Kind = (typeof KINDS)[number];
export const isKind = (text: string): text is Kind => KINDS.some((kind) => kind === text);

/** The rules that name it; extensions are named by number, and in groups beside. */
export const usersOf = (document: PolicyDocument, kind: Kind, id: string): readonly RuleDocument[] =>
  document.rules.filter(({ appliesTo }) => appliesTo !== 'all' && (appliesTo[kind]?.includes(id) ?? false));

export interface MemberActions {
  /** @returns once it is in force */
  readonly save: (kind: Kind, id: string, body: object, etag: string | undefined) => Promise<void>;
  readonly remove: (kind: Kind, id: string) => Promise<void>;
}

export function useMemberActions(): MemberActions {
  const refresh = useRefresh();
  const again = (): Promise<void> => refresh('policy', 'groups', 'extensions', 'trunks', 'destinations', 'rules');
  const pathOf = (kind: Kind, id: string): string => `${kind}/${encodeURIComponent(id)}`;
  return {
    save: async (kind, id, body, etag) => {
      const { inForce } = await receive('PUT', pathOf(kind, id), {
        body,
        ...(etag === undefined ? {} : { ifMatch: etag }),
      });
      await again();
      say(texts.saved(id, rulesTexts.onNodes(inForce)));
    },
    remove: async (kind, id) => {
      const { id: _, ...body } = await api<{ readonly id: string }>('GET', pathOf(kind, id));
      await api('DELETE', pathOf(kind, id));
      await again();
      say(texts.deleted(id), () => api('PUT', pathOf(kind, id), { body }).then(again));
    },
  };
}
