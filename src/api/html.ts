/**
 * HTML from template literals, in which every value is text: escaped, whatever it holds. Only what this template made
 * itself goes in as markup. Names and numbers come from phones and dialplans.
 */

declare const brand: unique symbol;
/** Markup that is safe to send. */
export interface Html {
  readonly markup: string;
  readonly [brand]: true;
}

type Part = string | number | Html | undefined | readonly Html[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Attributes have to stand in quotes. `undefined` is nothing. */
export function html(texts: TemplateStringsArray, ...values: readonly Part[]): Html {
  const markup = texts.map((text, at) => text + (at < values.length ? shown(values[at]) : '')).join('');
  // Branding: nothing else makes one.
  return { markup } as Html;
}

function shown(value: Part): string {
  if (value === undefined) return '';
  if (typeof value === 'number') return String(value);
  // Characters that turn the direction of writing could make one number look like another.
  if (typeof value === 'string') {
    return value.replace(/[\p{Cc}\p{Bidi_Control}]/gu, ' ').replace(/[&<>"']/g, (each) => ENTITIES[each] ?? '');
  }
  return 'markup' in value ? value.markup : value.map(({ markup }) => markup).join('');
}
