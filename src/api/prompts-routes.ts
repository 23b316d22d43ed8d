/**
 * `/api/v1/prompts`: the announcements for callers that come with Tollgate, to be heard before a rule names one.
 *
 * The names are read once, from the folder of the package; what is asked for is looked up among them, so that no text of a
 * request ever becomes a path. Prompts that stand on an Asterisk alone are not served: they are on another machine.
 */
import { readdir, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { z } from 'zod';
import { didYouMean } from '../policy/problem.ts';
import { notFound } from './problem.ts';
import { type Api, list, text } from './schema.ts';

const FOLDER = new URL('../../dialplan/sounds/', import.meta.url);
/** Pieces of what staff hear by telephone; none is a sentence of its own. */
const PIECE = /^tollgate-(?:ask|tell)-/;

const prompt = z.strictObject({ name: text });
export type PromptAnswer = z.infer<typeof prompt>;

export function promptRoutes(app: Api): void {
  const names = readdir(FOLDER).then(
    (files) =>
      files
        .filter((file) => file.endsWith('.wav'))
        .map((file) => basename(file, '.wav'))
        .filter((name) => !PIECE.test(name))
        .toSorted(),
    // A package without sounds has none to play.
    () => [],
  );
  app.get(
    '/api/v1/prompts',
    { schema: { summary: 'Announcements that come with Tollgate', response: { 200: list(prompt) } } },
    async () => (await names).map((name) => ({ name })),
  );
  app.get(
    '/api/v1/prompts/:name',
    {
      schema: {
        summary: 'One of them, as a WAV file',
        params: z.strictObject({ name: z.string().max(128) }),
        response: { 200: z.unknown().meta({ contentMediaType: 'audio/wav' }) },
      },
    },
    async ({ params }, reply) => {
      const known = await names;
      const name = known.find((each) => each === params.name);
      if (name === undefined) throw notFound('prompt', params.name, didYouMean(params.name, known));
      return reply
        .type('audio/wav')
        .header('cache-control', 'private, max-age=86400')
        .send(await readFile(new URL(`${name}.wav`, FOLDER)));
    },
  );
}
