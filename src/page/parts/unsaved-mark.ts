/** Whether something on the screen is not saved; a new build does not reload the page then. */
const dirty = new Set<symbol>();

export const hasUnsaved = (): boolean => dirty.size > 0;

/** @returns takes the mark away */
export function markUnsaved(): () => void {
  const mark = Symbol('unsaved');
  dirty.add(mark);
  return () => void dirty.delete(mark);
}
