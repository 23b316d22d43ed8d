/**
 * Which extensions are registered now, and from where: for whoever asks who is exempt from call limits. Asked over AMI.
 *
 * `ObjectName` of a contact is its address of record, which is the extension, with a hash behind it (seen on Asterisk 16
 * and 22). The address is that of the contact's URI, as in asterisk-peers.ts.
 */
import type { AmiConnection } from '../asterisk/ami-connection.ts';
import { peerAddress } from '../asterisk/peer-address.ts';
import { hostsIn, listIfAny } from './asterisk-peers.ts';

export interface RegisteredPhone {
  readonly extension: string;
  readonly address: string;
  readonly asterisk: string;
}

/** @throws {TollgateError} `AMI_UNAVAILABLE` */
export async function readRegisteredPhones(
  ami: Pick<AmiConnection, 'list' | 'name'>,
): Promise<readonly RegisteredPhone[]> {
  const contacts = (await listIfAny(ami, 'PJSIPShowContacts')).flatMap((contact) =>
    hostsIn(contact, 'Uri').map((host) => [contact.get('ObjectName').replace(/;@.*$/, ''), host] as const),
  );
  const peers = (await listIfAny(ami, 'SIPpeers'))
    .filter((peer) => peer.get('Dynamic') === 'yes')
    .map((peer) => [peer.get('ObjectName'), peer.get('IPaddress')] as const);
  return [...contacts, ...peers].flatMap(([extension, host]) => {
    const address = peerAddress(host);
    return address === undefined || extension === '' ? [] : [{ extension, address, asterisk: ami.name }];
  });
}
