/**
 * Which extensions and trunks an Asterisk has, to choose from. Asked over AMI, as asterisk-peers.ts does: an endpoint of
 * PJSIP without `Auths` is let in by its address and taken for a trunk; so is a peer of chan_sip with a fixed address.
 */
import type { AmiConnection } from '../asterisk/ami-connection.ts';
import { hostsIn, listIfAny } from './asterisk-peers.ts';

export interface AsteriskEndpoint {
  readonly name: string;
  readonly kind: 'extension' | 'trunk';
  readonly technology: 'PJSIP' | 'SIP';
  /** Where it is registered from, or leads to: addresses, or names of hosts. */
  readonly hosts: readonly string[];
  /** As Asterisk says it: `Not in use`, `Unavailable`. */
  readonly state: string;
  readonly asterisk: string;
}

/** @throws {TollgateError} `AMI_UNAVAILABLE` */
export async function readEndpoints(ami: Pick<AmiConnection, 'list' | 'name'>): Promise<readonly AsteriskEndpoint[]> {
  const endpoints = (await listIfAny(ami, 'PJSIPShowEndpoints')).map(
    (each): AsteriskEndpoint => ({
      name: each.get('ObjectName'),
      kind: each.get('Auths') === '' ? 'trunk' : 'extension',
      technology: 'PJSIP',
      hosts: [...new Set(hostsIn(each, 'Contacts'))],
      state: each.get('DeviceState'),
      asterisk: ami.name,
    }),
  );
  const peers = (await listIfAny(ami, 'SIPpeers')).map((each): AsteriskEndpoint => {
    const address = each.get('IPaddress');
    return {
      name: each.get('ObjectName'),
      kind: each.get('Dynamic') === 'yes' ? 'extension' : 'trunk',
      technology: 'SIP',
      hosts: address === '' || address === '-none-' ? [] : [address],
      state: each.get('Status'),
      asterisk: ami.name,
    };
  });
  return [...endpoints, ...peers].filter(({ name }) => name !== '');
}
