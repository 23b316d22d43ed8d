/** Waiting for something only so long. */

export const TIMED_OUT = Symbol('timed out');

/** The value, or TIMED_OUT after `ms`. What was waited for goes on; its later failure is the business of whoever holds it. */
export async function within<T>(promise: Promise<T>, ms: number): Promise<T | typeof TIMED_OUT> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<typeof TIMED_OUT>((resolve) => {
    timer = setTimeout(() => resolve(TIMED_OUT), ms);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
