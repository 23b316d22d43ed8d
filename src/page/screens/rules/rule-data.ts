/** What the screens of rules fetch, and what they ask for. */
import type { UseQueryResult } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { RulesDoctorReport } from '../../../api/doctor-routes.ts';
import type { ActivityReport, RuleActivity } from '../../../gate/rule-activity.ts';
import type { PolicyDocument, RuleDocument } from '../../../policy/document.ts';
import { receive } from '../../api/client.ts';
import { useApi, useRefresh } from '../../api/queries.ts';
import { useSession } from '../../api/session.tsx';
import { say, sayProblem } from '../../parts/undo.tsx';
import { rulesTexts as texts } from '../../texts/rules.ts';
import { type Names, NO_NAMES, ruleName } from './rule-words.ts';

export interface PolicyAnswer {
  readonly version: number;
  readonly document: PolicyDocument;
}

export const usePolicy = (): UseQueryResult<PolicyAnswer, Error> => useApi<PolicyAnswer>('policy');

export function namesIn(document: PolicyDocument | undefined): Names {
  if (document === undefined) return NO_NAMES;
  const names = (entries: Readonly<Record<string, { readonly name?: string | undefined }>>) =>
    Object.fromEntries(Object.entries(entries).map(([id, { name }]) => [id, name ?? id]));
  return { groups: names(document.groups), trunks: names(document.trunks), schedules: names(document.schedules) };
}

export interface RuleRow extends RuleDocument {
  readonly activity: RuleActivity | undefined;
  readonly finding: string | undefined;
  readonly names: Names;
}

/** The list: the rules at once, what they did and what the doctor says of them as it comes. */
export function useRuleRows(policy: PolicyAnswer | undefined): readonly RuleRow[] {
  const activity = useApi<ActivityReport>('calls/by-rule', { everyMs: 30_000 }).data;
  const doctor = useApi<RulesDoctorReport>('doctor/rules').data;
  return useMemo(() => {
    const names = namesIn(policy?.document);
    const acted = new Map(activity?.rules.map((each) => [each.rule, each]));
    const found = new Map<string, string>();
    for (const { rule, severity, what } of doctor?.findings ?? [])
      if (severity !== 'info' && !found.has(rule)) found.set(rule, what);
    return (policy?.document.rules ?? []).map((rule) => ({
      ...rule,
      activity: acted.get(rule.id),
      finding: found.get(rule.id),
      names,
    }));
  }, [policy, activity, doctor]);
}

type Switch = 'enable' | 'disable' | 'shadow' | 'enforce';
const BACK: Readonly<Record<Switch, Switch>> = {
  enable: 'disable',
  disable: 'enable',
  shadow: 'enforce',
  enforce: 'shadow',
};
const SAYS = { enable: texts.isOn, disable: texts.isOff, shadow: texts.isShadow, enforce: texts.isEnforced };

export interface RuleActions {
  readonly mayWrite: boolean;
  readonly mayRemove: boolean;
  /** Step A: at once, with a way back. */
  readonly turn: (rule: RuleDocument, to: Switch) => Promise<void>;
  readonly reset: (rule: RuleDocument) => Promise<void>;
  readonly remove: (ids: readonly string[]) => Promise<void>;
}

export function useRuleActions(): RuleActions {
  const { may } = useSession();
  const refresh = useRefresh();
  const post = async (id: string, verb: string): Promise<string> => {
    const { inForce } = await receive(
      'POST',
      `rules/${encodeURIComponent(id)}/${verb}`,
      verb === 'reset' ? { body: {} } : {},
    );
    await refresh('rules', 'policy', 'doctor');
    return texts.onNodes(inForce);
  };
  const told = (error: unknown): void => sayProblem(error instanceof Error ? error.message : String(error));
  return {
    mayWrite: may('policy:write'),
    mayRemove: may('policy:remove'),
    turn: async (rule, to) => {
      try {
        const nodes = await post(rule.id, to);
        say(SAYS[to](ruleName(rule), nodes), () => post(rule.id, BACK[to]));
      } catch (error) {
        told(error);
      }
    },
    reset: async (rule) => {
      try {
        await post(rule.id, 'reset');
        say(texts.isReset(ruleName(rule)));
      } catch (error) {
        told(error);
      }
    },
    remove: async (ids) => {
      for (const id of ids) await receive('DELETE', `rules/${encodeURIComponent(id)}`);
      await refresh('rules', 'policy', 'doctor');
      say(texts.isRemoved(ids.length));
    },
  };
}
