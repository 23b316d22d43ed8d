/** For daemons under test: on a busy machine the usual deadline makes calls go by `whenStoreFails` that are to be decided. */
export const PATIENT = { TOLLGATE_AGI__DEADLINE_MS: '1000' };
