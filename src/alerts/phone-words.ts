/**
 * What somebody who is called about alerts hears, as sounds of Asterisk. Pure.
 *
 * The sentences are files of their own (dialplan/sounds), one for each kind of alert; what it is about is spelled.
 */
import { LONGEST_SPELLED, ruleSound, spelled } from '../asterisk/spoken-text.ts';
import type { Message } from './message.ts';
import type { Phrase } from './phone-menu.ts';

type Told = Pick<Message, 'kind' | 'subject' | 'rule'>;

/** Nobody remembers more of them. */
const MOST_TOLD = 3;

const sentence = (name: string): string => `sound:tollgate-tell-${name}`;
/** Said in every call that is not a test: where it is missing, so are the others. */
export const LEAST_SOUND = 'tollgate-tell-choices';

/**
 * @param told at least one
 * @param hasRuleSound whether there is a sound that says the name of its rule; otherwise its id is spelled
 * @returns media as ARI's `play` takes it
 */
export function alertMedia(
  phrases: readonly Phrase[],
  told: readonly Told[],
  hasRuleSound: (rule: string) => boolean,
): readonly string[] {
  return phrases.flatMap((phrase) => {
    if (phrase !== 'alerts') return [sentence(phrase)];
    return [
      ...(told.length > 1 ? [sentence('several')] : []),
      ...told
        .slice(0, MOST_TOLD)
        .flatMap((each) => [
          ...[sentence(each.kind), ...subjectMedia(each.subject)],
          ...(each.rule === null ? [] : ['sound:tollgate-ask-rule', ...ruleMedia(each.rule, hasRuleSound(each.rule))]),
        ]),
      ...(told.length > MOST_TOLD ? [sentence('more')] : []),
    ];
  });
}

const ruleMedia = (rule: string, hasSound: boolean): readonly string[] =>
  hasSound ? [`sound:${ruleSound(rule)}`] : spelled(rule, LONGEST_SPELLED);

const EXTENSION = 'extension ';
const IPV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/;

function subjectMedia(subject: string | null): readonly string[] {
  if (subject === null) return [];
  if (subject.startsWith(EXTENSION)) {
    return [sentence('extension'), ...spelled(subject.slice(EXTENSION.length), LONGEST_SPELLED)];
  }
  if (IPV4.test(subject)) {
    const parts = subject.split('.').flatMap((part) => ['sound:letters/dot', `digits:${part}`]);
    return [sentence('about'), ...parts.slice(1)];
  }
  return [sentence('about'), ...spelled(subject, LONGEST_SPELLED)];
}
