/** Has the daemon walk through the chain of the log, and tells how far it is. */
import type { VerifyLine } from '../../../api/audit-routes.ts';
import type { AuditVerdict } from '../../../people/audit-verify.ts';
import { ApiError, tellSignedOut } from '../../api/client.ts';
import { auditTexts as texts } from '../../texts/audit.ts';

/** @throws {ApiError} where it stopped before the end: nothing is proven then */
export async function verifyChain(
  onProgress: (checked: number, total: number) => void,
  signal: AbortSignal,
): Promise<AuditVerdict> {
  const answer = await fetch('/api/v1/audit/verify', { credentials: 'same-origin', signal });
  if (answer.status === 401) tellSignedOut();
  if (!answer.ok || answer.body === null) {
    const problem: { readonly code?: string; readonly detail?: string } = await answer.json().catch(() => ({}));
    throw new ApiError(answer.status, problem);
  }
  let rest = '';
  let verdict: AuditVerdict | undefined;
  for (const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader(); ; ) {
    const { done, value } = await reader.read();
    const lines = (rest + (value ?? '')).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      // Each line is what the route says of itself.
      const read = JSON.parse(line) as VerifyLine;
      if ('failed' in read)
        throw new ApiError(0, { code: 'STORE_UNAVAILABLE', detail: `${texts.stopped}: ${read.failed}` });
      if ('intact' in read) verdict = read;
      else onProgress(read.checked, read.total);
    }
    if (done) break;
  }
  if (verdict === undefined) throw new ApiError(0, { code: 'UNREACHABLE', detail: texts.stopped });
  return verdict;
}
