/** Registrations of an account that does not exist, by SIPp: what it is called, and what the program calls itself, may be anything. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NetworkNamespace } from './network-namespace.ts';

/**
 * Who is banned over that is answered no more, so SIPp may well fail: what became of it is seen elsewhere.
 *
 * @param options.user goes out percent-encoded, as a SIP address wants it (RFC 3261, section 25.1)
 */
export async function attackBySipp(
  { run }: Pick<NetworkNamespace, 'run'>,
  options: {
    readonly sipp: string;
    readonly from: string;
    readonly to: string;
    readonly user: string;
    readonly userAgent: string;
    readonly attempts: number;
  },
): Promise<void> {
  const { sipp, from, to, user, userAgent, attempts } = options;
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-sipp-'));
  const address = `sip:${encodeURIComponent(user)}@[remote_ip]`;
  const request = [
    'REGISTER sip:[remote_ip] SIP/2.0',
    'Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]',
    `From: <${address}>;tag=[call_number]`,
    `To: <${address}>`,
    'Call-ID: [call_id]',
    'CSeq: 1 REGISTER',
    'Contact: <sip:phone@[local_ip]:[local_port]>',
    `User-Agent: ${userAgent}`,
    'Max-Forwards: 70',
    'Expires: 60',
    'Content-Length: 0',
  ].join('\n');
  const scenario = `<?xml version="1.0" encoding="UTF-8"?>
<scenario name="attack">
<send><![CDATA[
${request}

]]></send>
<recv response="401" timeout="1000"/>
</scenario>
`;
  try {
    await writeFile(join(folder, 'attack.xml'), scenario);
    const limits = ['-m', `${attempts}`, '-r', '10', '-l', '5', '-timeout', '15', '-recv_timeout', '1000', '-nostdin'];
    await run(sipp, '-sf', join(folder, 'attack.xml'), '-i', from, ...limits, to).catch(() => undefined);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
