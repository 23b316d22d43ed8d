/**
 * Portal and isolation: what may cut somebody off. Each change is in force at once and goes back by itself unless it is kept
 * over a connection that was opened after it.
 */
import { Button, Checkbox, Textarea, TextInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import type { ChangedFirewall, FirewallReport } from '../../../api/firewall-routes.ts';
import type { PortPreset } from '../../../policy/port-presets.ts';
import { api } from '../../api/client.ts';
import { useMe } from '../../api/me.ts';
import { useApi, useRefresh } from '../../api/queries.ts';
import { useSession } from '../../api/session.tsx';
import { useFirewallAnswer } from '../../frame/firewall-change.ts';
import { useAction } from '../../parts/action.ts';
import { ConfirmButton } from '../../parts/confirm.tsx';
import { sentence } from '../../parts/format.ts';
import { ErrorText, Shown } from '../../parts/states.tsx';
import { say } from '../../parts/undo.tsx';
import { settingsTexts } from '../../texts/settings.ts';
import { ClosingDialog } from './closing-dialog.tsx';
import { wordsOf } from './draft.ts';
import { PendingPanel } from './pending-change.tsx';
import { NumberField } from './settings-part.tsx';

const PRESETS: readonly PortPreset[] = ['sip', 'iax', 'web', 'management', 'rtp', 'ssh', 'database'];
const USUAL: readonly string[] = ['sip', 'iax', 'web', 'management', 'ssh', 'database'];
const STANDARD_SECONDS = 90;

function useFirewall() {
  const firewall = useApi<FirewallReport>('firewall');
  const note = useFirewallAnswer();
  const [notes, setNotes] = useState<readonly string[]>([]);
  const change = async (path: string, body: object): Promise<void> => {
    const answer = await api<ChangedFirewall>('POST', `firewall/${path}`, { body });
    setNotes(answer.notes);
    note(answer);
  };
  return { firewall, notes, change };
}

const Notes = ({ notes }: { readonly notes: readonly string[] }): ReactNode =>
  notes.map((note) => (
    <p key={note} className="settings-note">
      {sentence(note)}
    </p>
  ));

export function PortalSection(): ReactNode {
  const texts = settingsTexts.portal;
  const { may } = useSession();
  const { firewall, change } = useFirewall();
  const isReadOnly = !may('firewall:write');
  return (
    <Shown found={firewall}>
      {(report) => (
        <div className="stack">
          {isReadOnly && <p className="settings-note">{settingsTexts.onlyOwner}</p>}
          {report.backend === 'none' && <p className="settings-note">{texts.none}</p>}
          {report.problem !== null && <p className="settings-note">{sentence(report.problem)}</p>}
          <PendingPanel of="portal" />
          <Path />
          {report.portal !== null ? (
            <>
              <p>
                <strong>{texts.on}.</strong> {texts.isOn}
              </p>
              <dl className="facts">
                <dt>{texts.portsNow}</dt>
                <dd className="mono settings-ports">
                  {report.portal.ports.map((port) => (
                    <span key={port}>{port}</span>
                  ))}
                </dd>
              </dl>
              {report.pending === null && (
                <div>
                  <ConfirmButton
                    disabled={isReadOnly}
                    consequence={texts.turnOffMeans}
                    confirms={texts.turnOffConfirms}
                    onConfirm={() => change('portal', { state: 'off' })}
                  >
                    {texts.turnOff}
                  </ConfirmButton>
                </div>
              )}
            </>
          ) : (
            <PortalForm key={report.lastUndone?.at} report={report} change={change} />
          )}
          <TryIt portal={report.portal} />
        </div>
      )}
    </Shown>
  );
}

/** Filled with what was wanted when it was put back. */
function PortalForm({
  report,
  change,
}: {
  readonly report: FirewallReport;
  readonly change: (path: string, body: object) => Promise<void>;
}): ReactNode {
  const texts = settingsTexts.portal;
  const { may } = useSession();
  const refresh = useRefresh();
  const draft = report.lastUndone?.what === 'portal' ? report.lastUndone.draft : null;
  const [presets, setPresets] = useState<string[]>([...(draft?.presets ?? USUAL)]);
  const [more, setMore] = useState(draft?.ports.join(' ') ?? '');
  const [seconds, setSeconds] = useState(STANDARD_SECONDS);
  const [isAsking, setAsking] = useState(false);
  const isReadOnly = !may('firewall:write');
  const wanted = { presets, ports: wordsOf(more) };
  const close = (force: boolean): Promise<void> =>
    change('portal', { state: 'on', ...wanted, confirmWithinSeconds: seconds, force });
  const withMine = async (address: string): Promise<void> => {
    const { nameOfMine, descriptionOfMine } = settingsTexts.closing;
    const entry = { name: nameOfMine(address), value: address, description: descriptionOfMine };
    await api('POST', 'allowlist', { body: { ...entry, exemptFromCallLimits: false } });
    await refresh('allowlist', 'me');
    await close(false);
  };
  return (
    <>
      <p>
        <strong>{texts.off}.</strong> {texts.isOff}
      </p>
      <Checkbox.Group label={texts.presets} value={presets} onChange={setPresets}>
        <div className="settings-checks">
          {PRESETS.map((preset) => (
            <Checkbox key={preset} value={preset} label={texts.presetNames[preset]} disabled={isReadOnly} />
          ))}
        </div>
      </Checkbox.Group>
      <div className="settings-fields">
        <TextInput
          label={texts.more}
          description={texts.moreHelp}
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          value={more}
          spellCheck={false}
          disabled={isReadOnly}
          onChange={(event) => setMore(event.currentTarget.value)}
        />
        <NumberField
          label={texts.within}
          value={seconds}
          least={30}
          most={600}
          unit=" seconds"
          disabled={isReadOnly}
          error={undefined}
          onChange={setSeconds}
        />
      </div>
      <div>
        <Button
          variant="filled"
          disabled={
            isReadOnly ||
            report.backend === 'none' ||
            report.pending !== null ||
            (presets.length === 0 && wanted.ports.length === 0)
          }
          onClick={() => setAsking(true)}
        >
          {texts.turnOn}
        </Button>
      </div>
      {isAsking && (
        <ClosingDialog
          title={texts.turnOnTitle}
          consequence={texts.turnOnMeans(seconds)}
          confirms={texts.turnOnConfirms}
          asks={{ portal: wanted }}
          needsName={false}
          onConfirm={close}
          onWithMine={withMine}
          onClose={() => setAsking(false)}
        />
      )}
    </>
  );
}

/** The path of a packet, as the two questions that decide it. */
function Path(): ReactNode {
  const texts = settingsTexts.portal;
  return (
    <ol className="settings-path" aria-label={texts.path}>
      {texts.questions.map((question) => (
        <li key={question}>{question}</li>
      ))}
    </ol>
  );
}

interface Preview {
  readonly problem: string | null;
  readonly overlaps: readonly { readonly name: string; readonly relation: string }[];
}

function TryIt({ portal }: { readonly portal: FirewallReport['portal'] }): ReactNode {
  const texts = settingsTexts.portal;
  const [address, setAddress] = useState('');
  const [port, setPort] = useState('udp/5060');
  const [answer, setAnswer] = useState<string>();
  const { isRunning, error, run } = useAction();
  const find = async (): Promise<void> => {
    setAnswer(undefined);
    const body = { type: 'address', value: address };
    const { overlaps } = await api<Preview>('POST', 'allowlist/preview', { body });
    const entry = overlaps.find(({ relation }) => relation === 'holds this');
    if (entry !== undefined) setAnswer(texts.answerListed(address, entry.name));
    else if (portal?.ports.some((closed) => isWithin(port, closed)) === true)
      setAnswer(texts.answerClosed(address, port));
    else setAnswer(texts.answerOpen(address, port));
  };
  return (
    <form
      className="settings-fieldset"
      onSubmit={(event) => {
        event.preventDefault();
        void run(find);
      }}
    >
      <strong>{texts.test}</strong>
      <div className="settings-add">
        <TextInput
          label={texts.address}
          value={address}
          spellCheck={false}
          onChange={(event) => setAddress(event.currentTarget.value.trim())}
        />
        <TextInput
          label={texts.port}
          value={port}
          spellCheck={false}
          onChange={(event) => setPort(event.currentTarget.value.trim())}
        />
        <Button type="submit" loading={isRunning} disabled={address === '' || readPort(port) === undefined}>
          {texts.try}
        </Button>
      </div>
      <p role="status">{answer}</p>
      {error !== undefined && <ErrorText error={error} />}
    </form>
  );
}

interface PortRange {
  readonly protocol: string;
  readonly from: number;
  readonly to: number;
}
function readPort(text: string): PortRange | undefined {
  const [, protocol, from, to] = /^(tcp|udp)\/(\d{1,5})(?:-(\d{1,5}))?$/i.exec(text) ?? [];
  return protocol === undefined
    ? undefined
    : { protocol: protocol.toLowerCase(), from: Number(from), to: Number(to ?? from) };
}
function isWithin(text: string, closedText: string): boolean {
  const [asked, closed] = [readPort(text), readPort(closedText)];
  if (asked === undefined || closed === undefined) return false;
  return asked.protocol === closed.protocol && asked.from >= closed.from && asked.to <= closed.to;
}

export function IsolateSection(): ReactNode {
  const texts = settingsTexts.isolate;
  const { may } = useSession();
  const { data: me } = useMe();
  const { firewall, notes, change } = useFirewall();
  const [typed, setTyped] = useState<string>();
  const [isAsking, setAsking] = useState(false);
  const isReadOnly = !may('firewall:write');
  const undone = firewall.data?.lastUndone;
  const draft = undone?.what === 'isolation' ? undone.draft?.reachable.join('\n') : undefined;
  const shown = typed ?? draft ?? me?.address ?? '';
  const reachable = wordsOf(shown);
  const isolate = (addresses: readonly string[], force: boolean): Promise<void> =>
    change('isolate', { reachable: addresses, confirmWithinSeconds: STANDARD_SECONDS, force });
  return (
    <Shown found={firewall}>
      {(report) => (
        <div className="stack">
          {isReadOnly && <p className="settings-note">{settingsTexts.onlyOwner}</p>}
          {report.backend === 'none' && <p className="settings-note">{settingsTexts.portal.none}</p>}
          <PendingPanel of="isolation" />
          <Notes notes={notes} />
          {report.isolation !== null ? (
            <div className="settings-danger">
              <p>
                <strong>{texts.isOn}</strong>
              </p>
              <p className="mono">{report.isolation.reachable.join(' ')}</p>
              <div>
                <ConfirmButton
                  disabled={isReadOnly}
                  consequence={texts.releaseMeans}
                  confirms={texts.release}
                  onConfirm={async () => {
                    await change('release', {});
                    say(texts.released);
                  }}
                >
                  {texts.release}
                </ConfirmButton>
              </div>
            </div>
          ) : (
            <div className="settings-danger">
              <p>{texts.means}</p>
              <Textarea
                label={texts.reachable}
                description={texts.reachableHelp}
                rows={3}
                spellCheck={false}
                disabled={isReadOnly}
                value={shown}
                onChange={(event) => setTyped(event.currentTarget.value)}
              />
              <div>
                <Button
                  color="danger"
                  disabled={
                    isReadOnly || report.backend === 'none' || reachable.length === 0 || report.pending !== null
                  }
                  onClick={() => setAsking(true)}
                >
                  {texts.start}
                </Button>
              </div>
            </div>
          )}
          {isAsking && (
            <ClosingDialog
              title={texts.title}
              consequence={texts.consequence(reachable.length)}
              confirms={texts.confirms}
              asks={{ isolation: { reachable } }}
              needsName
              onConfirm={(force) => isolate(reachable, force)}
              onWithMine={(address) => isolate([...reachable, address], false)}
              onClose={() => setAsking(false)}
            />
          )}
        </div>
      )}
    </Shown>
  );
}
