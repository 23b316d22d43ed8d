/**
 * The same for chan_sip, where an Asterisk has it (up to 20): a peer that registered from elsewhere is unregistered.
 *
 * chan_sip keeps one registration for each peer, the last one, so the right phone is away until it registers again. It
 * takes the manager class `command`, as there is no action for it.
 */
import type { AmiConnection } from '../asterisk/ami-connection.ts';
import { peerAddress } from '../asterisk/peer-address.ts';
import { messageOf, TollgateError } from '../errors.ts';
import type { RegistrationPlaces } from '../policy/registration-places.ts';
import type { Found } from './intruder.ts';

/** Peers of these names can stand in a command. */
const PLAIN_NAME = /^[A-Za-z0-9._-]{1,80}$/;

export function watchSipPeers(
  ami: AmiConnection,
  deps: {
    readonly places: () => RegistrationPlaces;
    readonly report: (found: Found) => void;
  },
): { readonly compare: () => Promise<void>; readonly stop: () => void } {
  const { places, report } = deps;

  const check = async (extension: string, address: string | undefined): Promise<void> => {
    if (address === undefined || !places().isElsewhere(extension, address)) return;
    try {
      if (!PLAIN_NAME.test(extension)) throw new Error('its name cannot stand in a command of Asterisk');
      const answer = await ami.action('Command', { Command: `sip unregister ${extension}` });
      const output = answer.all('Output').join(' ').trim();
      if (!/^Unregistered/i.test(output)) throw new Error(output);
      report({ extension, address, outcome: 'removed', problem: '' });
    } catch (error) {
      report({ extension, address, outcome: 'kept', problem: messageOf(error) });
    }
  };

  const stop = ami.onEvent(['PeerStatus'], (event) => {
    const [technology, extension = ''] = event.get('Peer').split('/');
    if (technology !== 'SIP' || event.get('PeerStatus') !== 'Registered') return;
    void check(extension, peerAddress(event.get('Address')));
  });

  return {
    stop,
    compare: async () => {
      try {
        for (const peer of await ami.list('SIPpeers')) {
          if (peer.get('Dynamic') === 'yes') await check(peer.get('ObjectName'), peerAddress(peer.get('IPaddress')));
        }
      } catch (error) {
        // This Asterisk has no chan_sip.
        if (!(error instanceof TollgateError && error.code === 'AMI_REFUSED')) throw error;
      }
    },
  };
}
