/**
 * Texts as sounds that Asterisk plays: spelled by the digits and letters of its core sounds, in the language of the channel.
 * Pure.
 */

/** A sound that says the name of a rule, where the site has recorded one. */
export const ruleSound = (rule: string): string => `tollgate-rule-${rule}`;

/** Nobody listens to the spelling of a longer one. */
export const LONGEST_SPELLED = 20;

/** @returns media as ARI's `play` takes it; nothing of the text can become another sound */
export function spelled(text: string, longest: number): readonly string[] {
  const bare = text.replaceAll(/[^0-9A-Za-z*#]/g, '').slice(0, longest);
  if (bare === '') return [];
  return [/^[0-9*#]+$/.test(bare) ? `digits:${bare}` : `characters:${bare}`];
}
