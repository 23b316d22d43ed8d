/** What can be done about one decision: tell others, ask again, let it go next time, or keep its caller out. */
import { Button, Menu } from '@mantine/core';
import { IconChevronDown, IconCopy } from '@tabler/icons-react';
import { type ReactNode, useState } from 'react';
import { Link, useNavigate } from 'react-router';
import type { DecisionReport, ExplanationReport } from '../../../gate/report.ts';
import type { LockReport } from '../../../locks/lock-report.ts';
import { api } from '../../api/client.ts';
import { useApi, useRefresh } from '../../api/queries.ts';
import { serverNow } from '../../api/server-clock.ts';
import { useSession } from '../../api/session.tsx';
import { announce } from '../../frame/announcer.tsx';
import { useAction } from '../../parts/action.ts';
import { ConfirmButton } from '../../parts/confirm.tsx';
import { ErrorText } from '../../parts/states.tsx';
import { useZone } from '../../parts/time.tsx';
import { say } from '../../parts/undo.tsx';
import { Verdict } from '../../parts/verdict.tsx';
import { callTexts } from '../../texts/calls.ts';
import { RaiseButton } from './raise.tsx';
import { asText, explainIt, readSubject } from './why.ts';

const texts = callTexts.why;

export function WhyActions({ call }: { readonly call: DecisionReport }): ReactNode {
  const { may } = useSession();
  const zone = useZone();
  const { rule, source, verdict } = call;
  return (
    <div className="why-actions">
      <CopyText label={texts.copyLink} text={() => location.href} />
      <CopyText label={texts.copyText} text={() => asText(call, serverNow(), zone)} />
      {rule !== null && may('policy:read') && (
        <Button component={Link} to={`/rules/edit/${encodeURIComponent(rule)}`}>
          {texts.openRule}
        </Button>
      )}
      <MakeRule call={call} />
      <RaiseButton call={call} />
      {verdict === 'block' && <AllowThis call={call} />}
      {source !== null && call.layer !== 'ban' && call.layer !== 'allowlist' && may('bans:read') && (
        <BlockAddress id={call.id} address={source} />
      )}
      {may('calls:check') && <CheckAgain call={call} />}
    </div>
  );
}

/** Copies; on plain HTTP, where pages have no clipboard, shows the text selected. */
function CopyText({ label, text }: { readonly label: string; readonly text: () => string }): ReactNode {
  const [said, setSaid] = useState<string>();
  const [shown, setShown] = useState<string>();
  const copy = async (): Promise<void> => {
    const { clipboard } = navigator as { readonly clipboard?: Clipboard };
    const isCopied = await (clipboard?.writeText(text()) ?? Promise.reject(new Error('no clipboard'))).then(
      () => true,
      () => false,
    );
    setShown(isCopied ? undefined : text());
    setSaid(isCopied ? texts.copied : texts.selectAndCopy);
    announce(isCopied ? texts.copied : texts.selectAndCopy);
    setTimeout(() => setSaid(undefined), 4000);
  };
  return (
    <>
      <Button leftSection={<IconCopy size={16} stroke={1.75} />} onClick={() => void copy()}>
        {said ?? label}
      </Button>
      {shown !== undefined && (
        <textarea
          className="why-copy mono"
          aria-label={label}
          readOnly
          rows={Math.min(8, shown.split('\n').length)}
          value={shown}
          ref={(field) => field?.select()}
        />
      )}
    </>
  );
}

function CheckAgain({ call }: { readonly call: DecisionReport }): ReactNode {
  const zone = useZone();
  const { isRunning, error, run } = useAction();
  const [answer, setAnswer] = useState<{ readonly said: ExplanationReport; readonly at: number }>();
  const ask = async (): Promise<void> => {
    const { dialled, extension, trunk, campaign, source, zone: calledZone } = call;
    const given = Object.entries({ extension, trunk, campaign, source, zone: calledZone }).filter(
      ([, value]) => value !== null,
    );
    const said = await api<ExplanationReport>('POST', 'explain', {
      body: { destination: dialled, ...Object.fromEntries(given) },
    });
    setAnswer({ said, at: serverNow() });
  };
  return (
    <>
      <Button loading={isRunning} onClick={() => void run(ask)}>
        {texts.check}
      </Button>
      <div role="status" className="why-answer">
        {answer !== undefined && (
          <>
            {texts.checked}: <Verdict verdict={answer.said.verdict} />{' '}
            {explainIt(answer.said, answer.at, serverNow(), zone).join(' ')}
          </>
        )}
      </div>
      {error !== undefined && <ErrorText error={error} />}
    </>
  );
}

/** The rule form, filled in with whom and where to. */
function MakeRule({ call }: { readonly call: DecisionReport }): ReactNode {
  const { may } = useSession();
  const { extension, trunk } = call;
  const query = new URLSearchParams({
    ...(extension === null ? {} : { extension }),
    ...(trunk === null ? {} : { trunk }),
  });
  if (!may('policy:write'))
    return may('policy:read') ? (
      <Button disabled title={texts.ownerOrOperator}>
        {texts.makeRule}
      </Button>
    ) : null;
  return (
    <Button component={Link} to={`/rules/new?${query}`}>
      {texts.makeRule}
    </Button>
  );
}

/** What would let the same call go, by what refused it. */
function AllowThis({ call }: { readonly call: DecisionReport }): ReactNode {
  const { may } = useSession();
  const navigate = useNavigate();
  const { layer, source } = call;
  if (layer === 'lock') return <ClearLock call={call} />;
  if (layer === 'rules') return <ResetCounts call={call} />;
  if (layer === 'emergency' || source === null || !may('allowlist:read')) return null;
  return (
    <Menu position="bottom-start" withinPortal={false}>
      <Menu.Target>
        <Button rightSection={<IconChevronDown size={16} stroke={1.75} />}>{texts.allow}</Button>
      </Menu.Target>
      <Menu.Dropdown>
        {layer === 'ban' && (
          <Menu.Item onClick={() => void navigate(`/blocked-ips/${encodeURIComponent(source)}`)}>
            {texts.seeBan}
          </Menu.Item>
        )}
        <Menu.Item
          disabled={!may('allowlist:write')}
          onClick={() => void navigate(`/allowed-ips/new?value=${encodeURIComponent(source)}`)}
        >
          {texts.allowAddress}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function ResetCounts({ call }: { readonly call: DecisionReport }): ReactNode {
  const { may } = useSession();
  const refresh = useRefresh();
  const finding = call.findings.find((each) => each.rule === call.rule);
  // Money that was spent and calls at once cannot be given back by counting anew.
  const full = finding?.limits.find(({ kind, remaining }) => kind === 'limits' && remaining === 0);
  const subject = full === undefined ? undefined : readSubject(full.subject);
  if (finding === undefined || full === undefined || subject === undefined || !may('policy:read')) return null;
  if (!may('policy:write'))
    return (
      <Button disabled title={texts.ownerOrOperator}>
        {texts.reset(full.subject)}
      </Button>
    );
  return (
    <ConfirmButton
      consequence={texts.resetMeans(full.subject, finding.name)}
      confirms={texts.reset(full.subject)}
      onConfirm={async () => {
        await api('POST', `rules/${encodeURIComponent(finding.rule)}/reset`, { body: { subject } });
        await refresh('rules', 'dashboard', 'extensions');
        say(texts.resetDone(full.subject));
      }}
    >
      {texts.reset(full.subject)}
    </ConfirmButton>
  );
}

function ClearLock({ call: { extension, rule } }: { readonly call: DecisionReport }): ReactNode {
  const { may } = useSession();
  const refresh = useRefresh();
  const { data: locks = [] } = useApi<readonly LockReport[]>('locks');
  const lock = locks.find((each) => each.rule === rule && each.subject === `extension ${extension}`);
  if (lock === undefined || extension === null) return null;
  if (!may('locks:clear'))
    return (
      <Button disabled title={texts.ownerOrOperator}>
        {texts.clearLock}
      </Button>
    );
  return (
    <ConfirmButton
      consequence={texts.clearMeans(extension)}
      confirms={texts.clearLock}
      onConfirm={async () => {
        await api('DELETE', `locks/${lock.id}`);
        await refresh('locks', 'extensions');
        say(texts.lockCleared(extension));
      }}
    >
      {texts.clearLock}
    </ConfirmButton>
  );
}

const DAY_SECONDS = 86_400;

function BlockAddress({ id, address }: { readonly id: string; readonly address: string }): ReactNode {
  const { may } = useSession();
  const refresh = useRefresh();
  if (!may('bans:write'))
    return (
      <Button disabled title={texts.ownerOrOperator}>
        {texts.block}
      </Button>
    );
  return (
    <ConfirmButton
      consequence={texts.blockMeans(address)}
      confirms={`${texts.block} ${address}`}
      onConfirm={async () => {
        const body = { address, seconds: DAY_SECONDS, reason: texts.blockReason(id) };
        await api('POST', 'bans', { body });
        await refresh('bans', 'dashboard');
        say(texts.blocked(address), () => api('POST', 'bans/lift', { body: { addresses: [address] } }));
      }}
    >
      {texts.block}
    </ConfirmButton>
  );
}
