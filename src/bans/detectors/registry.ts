/** Every detector there is, in the order in which their reasons are given. */
import { attempts } from './attempts.ts';
import type { Detector } from './detector.ts';
import { manyAccounts } from './many-accounts.ts';
import { manyAddresses } from './many-addresses.ts';
import { neighbours } from './neighbours.ts';
import { scans } from './scans.ts';
import { slowGuessing } from './slow-guessing.ts';

export const DETECTORS = {
  neighbours,
  attempts,
  scans,
  manyAccounts,
  manyAddresses,
  slowGuessing,
} as const satisfies Readonly<Record<string, Detector>>;
