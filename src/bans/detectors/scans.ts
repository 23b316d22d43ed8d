/** What no honest device does even once: three scans within the window are enough. */
import type { Detector } from './detector.ts';

const ENOUGH = 3;

export const scans: Detector = {
  setting: 'scans',
  detect: ({ inWindow, window }) => {
    const offences = inWindow.filter(({ kind }) => kind === 'scan').length;
    return offences < ENOUGH
      ? undefined
      : { range: 'address', defenceType: 'scan', reason: `${offences} scans within ${window}`, offences };
  },
};
