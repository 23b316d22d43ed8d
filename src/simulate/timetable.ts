/** What is to happen when: a binary heap by time. What was put in first of one time comes out first. */

export interface Timetable<T> {
  readonly put: (atMs: number, what: T) => void;
  /** The earliest that is not later than a time, taken out. */
  readonly next: (untilMs: number) => { readonly atMs: number; readonly what: T } | undefined;
}

interface Entry<T> {
  readonly atMs: number;
  readonly order: number;
  readonly what: T;
}

export function createTimetable<T>(): Timetable<T> {
  const heap: Entry<T>[] = [];
  let puts = 0;
  const isBefore = (one: Entry<T>, other: Entry<T>): boolean =>
    one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);

  const rise = (entry: Entry<T>): void => {
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const upper = heap[above];
      if (upper === undefined || isBefore(upper, entry)) break;
      heap[at] = upper;
      at = above;
    }
    heap[at] = entry;
  };

  const sink = (entry: Entry<T>): void => {
    let at = 0;
    for (;;) {
      const left = heap[2 * at + 1];
      const right = heap[2 * at + 2];
      if (left === undefined) break;
      const isRight = right !== undefined && isBefore(right, left);
      const lower = isRight ? right : left;
      if (isBefore(entry, lower)) break;
      heap[at] = lower;
      at = 2 * at + (isRight ? 2 : 1);
    }
    heap[at] = entry;
  };

  return {
    put: (atMs, what) => rise({ atMs, order: puts++, what }),
    next: (untilMs) => {
      const [first] = heap;
      if (first === undefined || first.atMs > untilMs) return undefined;
      const last = heap.pop();
      if (last !== undefined && heap.length > 0) sink(last);
      return first;
    },
  };
}
