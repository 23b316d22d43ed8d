/**
 * Replay: the calls of an Asterisk CDR file decided again, by the policy in force or a proposed one beside it. The daemon
 * does it in a process of its own; nothing is spent or saved.
 */
import { Button, NativeSelect, Radio } from '@mantine/core';
import { IconUpload } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useRef, useState } from 'react';
import type { ReplayState } from '../../../simulate/replay-job.ts';
import { ApiError, api, withQuery } from '../../api/client.ts';
import { useRefresh } from '../../api/queries.ts';
import { useSession } from '../../api/session.tsx';
import { announce } from '../../frame/announcer.tsx';
import { useAction } from '../../parts/action.ts';
import { Copyable } from '../../parts/copy-button.tsx';
import { formatActor, formatCount } from '../../parts/format.ts';
import { ErrorText, Shown } from '../../parts/states.tsx';
import { replayTexts as texts } from '../../texts/replay.ts';
import { ReplayResult } from './replay-result.tsx';

const LARGEST = 512 * 1024 * 1024;
const LARGEST_POLICY = 4_000_000;
const UPLOAD_MS = 15 * 60_000;
const LOOK_EVERY_MS = 1000;

type Proposed = 'none' | 'shadow' | 'file';

export function Replay(): ReactNode {
  const found = useQuery({
    queryKey: ['replay'],
    queryFn: ({ signal }) => api<ReplayState>('GET', 'replay', { signal }),
    refetchInterval: ({ state }) => (state.data?.state === 'running' ? LOOK_EVERY_MS : false),
  });
  return (
    <div className="stack">
      <section className="panel stack">
        <h2>{texts.title}</h2>
        <p>{texts.text}</p>
        <Shown found={found}>{(state) => <Ask state={state} />}</Shown>
      </section>
      {found.data?.report != null && <ReplayResult report={found.data.report} />}
      <details>
        <summary>{texts.onTheMachine}</summary>
        <Copyable label={texts.saved} text="tollgate simulate /var/log/asterisk/cdr-csv/Master.csv" />
      </details>
    </div>
  );
}

function Ask({ state: now }: { readonly state: ReplayState }): ReactNode {
  const { may } = useSession();
  const refresh = useRefresh();
  const { error, run, isRunning } = useAction();
  const [proposed, setProposed] = useState<Proposed>('none');
  const [policy, setPolicy] = useState<{ readonly name: string; readonly text: string }>();
  const [held, setHeld] = useState('refuse');
  const mayRun = may('policy:write');
  const isOn = now.state === 'running';
  const send = (file: File | undefined): void => {
    if (file === undefined) return;
    void run(async () => {
      if (file.size > LARGEST) throw new Error(texts.tooLarge);
      const path = withQuery('replay/file', { name: file.name.slice(0, 200) });
      await api<ReplayState>('PUT', path, { records: file, timeoutMs: UPLOAD_MS });
      await refresh('replay');
    });
  };
  const choosePolicy = (file: File | undefined): void => {
    if (file === undefined) return;
    void run(async () => {
      if (file.size > LARGEST_POLICY) throw new Error(texts.policyTooLarge);
      setPolicy({ name: file.name, text: await file.text() });
      setProposed('file');
    });
  };
  const start = (): void =>
    void run(async () => {
      const body = {
        held,
        ...(proposed === 'shadow' ? { enforceShadow: true } : {}),
        ...(proposed === 'file' && policy !== undefined ? { policy: policy.text } : {}),
      };
      await api<ReplayState>('POST', 'replay', { body });
      announce(texts.begun);
      await refresh('replay');
    });
  const cancel = (): void =>
    void run(async () => {
      await api('DELETE', 'replay');
      await refresh('replay');
    });
  return (
    <>
      <FileField
        label={texts.records}
        choose={now.file === null ? texts.choose : texts.again}
        accept=".csv,text/csv,text/plain"
        isDisabled={!mayRun || isOn}
        title={mayRun ? undefined : texts.whoCan}
        onFile={send}
      >
        {now.file === null ? (
          <span className="muted">{texts.drop}</span>
        ) : (
          <span>
            <strong>{now.file.name}</strong>{' '}
            <span className="muted">
              {texts.size(formatCount(Math.max(1, Math.round(now.file.bytes / 1024))))} · {formatActor(now.file.by)}
            </span>
          </span>
        )}
      </FileField>
      <Radio.Group label={texts.against} value={proposed} onChange={(value) => setProposed(value as Proposed)}>
        <div className="replay-choices">
          <Radio value="none" label={texts.today} disabled={isOn} />
          <Radio value="shadow" label={texts.shadow} disabled={isOn} />
          <div className="replay-policy">
            <Radio
              value="file"
              label={policy === undefined ? texts.file : texts.fileNamed(policy.name)}
              disabled={isOn || policy === undefined}
            />
            <FileField
              label={texts.policyFile}
              choose={texts.choosePolicy}
              accept=".yaml,.yml,.json"
              isDisabled={!mayRun || isOn}
              isPlain
              onFile={choosePolicy}
            />
          </div>
        </div>
      </Radio.Group>
      <NativeSelect
        className="replay-held"
        label={texts.held}
        value={held}
        disabled={isOn}
        onChange={(event) => setHeld(event.currentTarget.value)}
        data={[
          { value: 'refuse', label: texts.heldRefused },
          { value: 'approve', label: texts.heldApproved },
        ]}
      />
      {isOn && <HowFar progress={now.progress} />}
      {now.problem !== null && <ErrorText error={new Error(now.problem)} />}
      {error !== undefined && <Problems error={error} />}
      <div className="row">
        {isOn ? (
          <Button onClick={cancel} loading={isRunning} disabled={!mayRun}>
            {texts.cancel}
          </Button>
        ) : (
          <Button
            variant="filled"
            loading={isRunning}
            disabled={!mayRun || now.file === null}
            title={mayRun ? undefined : texts.whoCan}
            onClick={start}
          >
            {texts.run}
          </Button>
        )}
        {now.file !== null && !isOn && (
          <Button onClick={cancel} disabled={!mayRun || isRunning}>
            {texts.forget}
          </Button>
        )}
        {!mayRun && <span className="muted">{texts.whoCan}</span>}
      </div>
    </>
  );
}

function HowFar({ progress }: { readonly progress: ReplayState['progress'] }): ReactNode {
  const share = progress === null || progress.total === 0 ? 0 : Math.floor((100 * progress.done) / progress.total);
  const doing = progress === null ? texts.starting : texts.doing[progress.doing];
  return (
    <div role="status">
      <p>
        {doing} <span className="number">{share} %</span>
      </p>
      <progress className="replay-progress" value={share} max={100} aria-label={doing} />
    </div>
  );
}

/** A policy that is refused says each mistake. */
const Problems = ({ error }: { readonly error: Error }): ReactNode => (
  <>
    <ErrorText error={error} />
    {error instanceof ApiError && error.problems.length > 0 && (
      <ul>
        {error.problems.slice(0, 20).map(({ message }) => (
          <li key={message}>{message}</li>
        ))}
      </ul>
    )}
  </>
);

function FileField({
  label,
  choose,
  accept,
  isDisabled,
  isPlain = false,
  title,
  onFile,
  children,
}: {
  readonly label: string;
  readonly choose: string;
  readonly accept: string;
  readonly isDisabled: boolean;
  readonly isPlain?: boolean;
  readonly title?: string | undefined;
  readonly onFile: (file: File | undefined) => void;
  readonly children?: ReactNode;
}): ReactNode {
  const input = useRef<HTMLInputElement>(null);
  return (
    <section
      className={isPlain ? 'row' : 'drop'}
      aria-label={label}
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        if (!isDisabled) onFile(event.dataTransfer.files[0]);
      }}
    >
      {!isPlain && <IconUpload size={20} stroke={1.75} aria-hidden />}
      <input
        ref={input}
        type="file"
        accept={accept}
        className="unseen"
        aria-label={label}
        tabIndex={-1}
        onChange={(event) => {
          onFile(event.currentTarget.files?.[0]);
          event.currentTarget.value = '';
        }}
      />
      <Button disabled={isDisabled} title={title} onClick={() => input.current?.click()}>
        {choose}
      </Button>
      {children}
    </section>
  );
}
