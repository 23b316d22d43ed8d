/**
 * What the name of an Asterisk channel says about who is calling.
 *
 * Owns the one rule by which `PJSIP/1001-0000002a` becomes endpoint `1001`. The channel name is made by Asterisk
 * itself after it has identified the endpoint, so a phone cannot choose it, unlike the caller id.
 * Guarantees: never throws; whatever is not plainly an endpoint's channel gives `undefined`, never a guess.
 * Refuses to know: extensions, groups, and whose call a Local or forwarded channel is.
 */

/**
 * `TECHNOLOGY/NAME-SUFFIX`. chan_pjsip and chan_sip end a name with at least eight hexadecimal digits, chan_iax2 with
 * the decimal call number. The name itself may contain `-`, so only the last one divides.
 */
const ENDPOINT_CHANNEL = /^(?:(?:PJSIP|SIP)\/([^/;\s]+)-[0-9a-f]{8,16}|IAX2\/([^/;:\s]+)-[0-9]{1,10})$/;

/** Asterisk's own limit on a channel name is 80 bytes; beyond a generous multiple of it a name is garbage. */
const MAX_NAME_LENGTH = 256;

/**
 * The endpoint (chan_pjsip), peer (chan_sip) or IAX2 peer that a channel belongs to, or `undefined`.
 *
 * Without an endpoint are: `Local/…` (a line drawn inside the dialplan: whose it is must be passed explicitly),
 * `DAHDI/…` (a span, a port or a dialled number, depending on the configuration), `IAX2/ADDRESS:PORT-…` (a caller
 * without a peer), and every name of another shape. A chan_sip guest's channel carries its host name or address in
 * the endpoint's place and cannot be told apart here.
 */
export function endpointOfChannel(channelName: string): string | undefined {
  if (channelName.length > MAX_NAME_LENGTH) return undefined;
  const match = ENDPOINT_CHANNEL.exec(channelName);
  return match?.[1] ?? match?.[2];
}
