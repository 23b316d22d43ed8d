/**
 * Addresses side by side that act together. An IPv6 /64 belongs to one subscriber, who can use a new address for every
 * attempt: it has the attempts of one address. Of an IPv4 /24 five addresses and four times the attempts in a day.
 */
import { type Detector, EVENTS_OF } from './detector.ts';

const FEWEST_NEIGHBOURS = 5;
const TIMES = 4;

export const neighbours: Detector = {
  setting: 'neighbours',
  detect: ({ service, attempts, window, network }) => {
    const { addresses, within24h, inWindow } = network;
    if (network.isOneSubscriber && addresses > 1 && inWindow >= attempts) {
      const reason = `${inWindow} ${EVENTS_OF[service]} from several addresses of ${network.text} within ${window}`;
      return { range: 'network', defenceType: 'neighbours', reason, offences: inWindow };
    }
    if (addresses < FEWEST_NEIGHBOURS || within24h < TIMES * attempts) return undefined;
    const count = addresses >= 32 ? '32 or more' : String(addresses);
    const reason = `${within24h} ${EVENTS_OF[service]} from ${count} addresses of ${network.text} within 24 hours`;
    return { range: 'network', defenceType: 'neighbours', reason, offences: within24h };
  },
};
