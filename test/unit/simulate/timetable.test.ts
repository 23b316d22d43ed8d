import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createTimetable } from '../../../src/simulate/timetable.ts';

it('gives what is due in the order of time, what was put in first of one time first, and nothing that is later', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ atMs: fc.nat(20), untilMs: fc.option(fc.nat(20)) })), (steps) => {
      const timetable = createTimetable<number>();
      let waiting: { readonly atMs: number; readonly what: number }[] = [];
      steps.forEach(({ atMs, untilMs }, what) => {
        timetable.put(atMs, what);
        waiting.push({ atMs, what });
        if (untilMs === null) return;
        const due = waiting
          .filter((each) => each.atMs <= untilMs)
          .sort((one, other) => one.atMs - other.atMs || one.what - other.what);
        waiting = waiting.filter((each) => each.atMs > untilMs);
        for (const each of due) expect(timetable.next(untilMs)).toMatchObject(each);
        expect(timetable.next(untilMs)).toBeUndefined();
      });
    }),
    { numRuns: 500 },
  );
});
