/** Texts by number, each kept once; the empty text is 0. */
export interface Texts {
  readonly numberOf: (text: string) => number;
  readonly textOf: (number: number) => string;
}

export function createTexts(): Texts {
  const numbers = new Map<string, number>([['', 0]]);
  const texts = [''];
  return {
    numberOf: (text) => {
      const known = numbers.get(text);
      if (known !== undefined) return known;
      numbers.set(text, texts.length);
      return texts.push(text) - 1;
    },
    textOf: (number) => texts[number] ?? '',
  };
}
