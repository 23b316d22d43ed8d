/**
 * What a supervisor hears, as sounds of Asterisk. Pure.
 *
 * The sentences are files of their own (dialplan/sounds); digits and letters are those of Asterisk's core sounds. All are
 * taken in the language of the supervisor's channel, which Asterisk sees to.
 */
import { LONGEST_SPELLED, ruleSound, spelled } from '../asterisk/spoken-text.ts';
import type { Approval } from './approval.ts';
import type { Phrase } from './phone-menu.ts';

/**
 * @param hasRuleSound whether there is a {@link ruleSound} for its rule; otherwise its id is spelled
 * @returns media as ARI's `play` takes it
 */
export function mediaOf(
  phrases: readonly Phrase[],
  call: Pick<Approval, 'extension' | 'destination' | 'rule'>,
  hasRuleSound: boolean,
): readonly string[] {
  return phrases.flatMap((phrase) => {
    if (phrase !== 'who') return [sentence(phrase)];
    return [
      ...(call.extension === undefined
        ? [sentence('unknown')]
        : [sentence('extension'), ...spelled(call.extension, Number.POSITIVE_INFINITY)]),
      sentence('calls'),
      ...spelled(call.destination, Number.POSITIVE_INFINITY),
      sentence('rule'),
      ...(hasRuleSound ? [`sound:${ruleSound(call.rule)}`] : spelled(call.rule, LONGEST_SPELLED)),
    ];
  });
}

const sentence = (name: string): string => `sound:tollgate-ask-${name}`;
