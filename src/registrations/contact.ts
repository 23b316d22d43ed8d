/**
 * What Asterisk says of registrations, read: which packet came from where, and which contacts an endpoint has.
 *
 * `ViaAddr` and the host of a contact's URI are what the phone wrote. The address that packets came from stands in the
 * security event of the log-in, whose `SessionID` is the Call-ID that the contact keeps (measured on 16.28 and 22.10). An
 * endpoint with `rewrite_contact` has it in the URI too.
 */
import type { AmiMessage } from '../asterisk/ami-packet.ts';
import { peerAddress } from '../asterisk/peer-address.ts';

export interface Contact {
  /** `1001;@` and a hash: its name in ARI. */
  readonly id: string;
  readonly callId: string;
  readonly uri: string;
  /** Where Asterisk wrote the packet's address into the URI; undefined where the URI is the phone's own claim. */
  readonly rewritten: string | undefined;
}

/** The address in `IPV4/UDP/203.0.113.9/5060`; undefined for another shape. */
export function remoteAddress(event: AmiMessage): string | undefined {
  const [, , address, , ...more] = event.get('RemoteAddress').split('/');
  return address === undefined || more.length > 0 ? undefined : peerAddress(address);
}

/** The contacts that registered, from the answer to `PJSIPShowEndpoint`. Those of the configuration are left out. */
export function contactsOf(answer: readonly AmiMessage[]): readonly Contact[] {
  const endpoint = answer.find(({ name }) => name === 'EndpointDetail');
  const isRewritten = endpoint?.get('RewriteContact') === 'true';
  return answer
    .filter(({ name }) => name === 'ContactStatusDetail')
    .map((each) => {
      const uri = each.get('URI');
      return {
        id: each.get('ID'),
        callId: each.get('CallID'),
        uri,
        rewritten: isRewritten ? hostOf(uri) : undefined,
      };
    })
    .filter(({ id, callId }) => id.includes(';@') && callId !== '');
}

/** The address in a SIP URI; undefined for a name. RFC 3261, section 19.1.1: no `@` stands in the user part. */
export function hostOf(uri: string): string | undefined {
  const host = /^sips?:(?:[^@]*@)?(\[[^\]]*\]|[^:;?>]+)/.exec(uri)?.[1];
  return host === undefined ? undefined : peerAddress(host);
}
