/** Whether the log is whole: verified when somebody asks, with the first entry that does not fit. */
import { Button } from '@mantine/core';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import type { AuditVerdict } from '../../../people/audit-verify.ts';
import { serverNow } from '../../api/server-clock.ts';
import { useSession } from '../../api/session.tsx';
import { useAction } from '../../parts/action.ts';
import { capital, formatClock, sentence } from '../../parts/format.ts';
import { ErrorText } from '../../parts/states.tsx';
import { useZone } from '../../parts/time.tsx';
import { auditTexts as texts } from '../../texts/audit.ts';
import { verifyChain } from './verify.ts';

/** Kept while the page is open: what was proven stays so until then. */
let last: { readonly verdict: AuditVerdict; readonly at: number } | undefined;

export function Chain(): ReactNode {
  const { may } = useSession();
  const zone = useZone();
  const { isRunning, error, run } = useAction();
  const [progress, setProgress] = useState<readonly [checked: number, total: number]>();
  const [found, setFound] = useState(last);
  const leaving = useRef<AbortController>(undefined);
  useEffect(() => () => leaving.current?.abort(), []);
  const verify = async (): Promise<void> => {
    leaving.current = new AbortController();
    setFound(undefined);
    try {
      const verdict = await verifyChain((checked, total) => setProgress([checked, total]), leaving.current.signal);
      last = { verdict, at: serverNow() };
      setFound(last);
    } finally {
      setProgress(undefined);
    }
  };
  if (!may('audit:read'))
    return (
      <span title={texts.othersVerify}>
        <Button disabled>{texts.verify}</Button>
      </span>
    );
  return (
    <div className="audit-chain">
      <div role="status">
        {progress !== undefined && <span className="number">{texts.verifying(...progress)}</span>}
        {found?.verdict.intact === true &&
          texts.verified(formatClock(found.at, zone).slice(0, 5), found.verdict.checked)}
      </div>
      <Button loading={isRunning} onClick={() => void run(verify)}>
        {texts.verify}
      </Button>
      {found?.verdict.intact === false && <Broken verdict={found.verdict} />}
      {error !== undefined && <ErrorText error={error} />}
    </div>
  );
}

function Broken({ verdict }: { readonly verdict: AuditVerdict }): ReactNode {
  const [first] = verdict.problems;
  return (
    <div className="state left audit-broken" role="alert">
      <strong>{texts.broken(verdict.problems.length + verdict.moreProblems)}</strong>
      {first !== undefined && (
        <p>
          {texts.firstBroken} {sentence(capital(first.problem))}
        </p>
      )}
      <p>{texts.brokenHelp}</p>
    </div>
  );
}
