/**
 * Portal and isolation: what may cut somebody off. Each change is in force at once and goes back by itself unless it is kept
 * over a connection that was opened after it.
 */
import { Button, Checkbox, Textarea, TextInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import type { ChangedFirewall, FirewallReport } from '../../../api/firewall-routes.ts';
import type { PortPreset } from '../../../policy/port-presets.ts';
import { ApiError, api } from '../../api/client.ts';
import { useMe } from '../../api/me.ts';
import { useApi, useRefresh } from '../../api/queries.ts';
import { useSession } from '../../api/session.tsx';
import { useAction } from '../../parts/action.ts';
import { ConfirmButton, KeepOrUndo, TypedConfirm } from '../../parts/confirm.tsx';
import { formatActor, formatClock, sentence } from '../../parts/format.ts';
import { ErrorText, Shown } from '../../parts/states.tsx';
import { useZone } from '../../parts/time.tsx';
import { say } from '../../parts/undo.tsx';
import { settingsTexts } from '../../texts/settings.ts';
import { State } from '../health/state.tsx';
import { wordsOf } from './draft.ts';
import { NumberField } from './settings-part.tsx';

const PRESETS: readonly PortPreset[] = ['sip', 'iax', 'web', 'management', 'rtp', 'ssh', 'database'];
const USUAL: readonly string[] = ['sip', 'iax', 'web', 'management', 'ssh', 'database'];
const STANDARD_SECONDS = 90;

/** Open connections of the browser are older than the change; each is closed by the daemon that refuses it. */
const MOST_CONNECTIONS = 8;

async function keep(): Promise<void> {
  for (let left = MOST_CONNECTIONS; ; left--) {
    try {
      await api('POST', 'firewall/confirm');
      return;
    } catch (error) {
      if (left === 0 || !(error instanceof ApiError) || error.status !== 409) throw error;
    }
  }
}

function useFirewall() {
  const firewall = useApi<FirewallReport>('firewall');
  const refresh = useRefresh();
  const [notes, setNotes] = useState<readonly string[]>([]);
  const change = async (path: string, body: object): Promise<void> => {
    const answer = await api<ChangedFirewall>('POST', `firewall/${path}`, { body });
    setNotes(answer.notes);
    await refresh('firewall');
  };
  return { firewall, notes, change };
}

/** The change that waits to be kept, or what became of the last one. */
function Pending({
  firewall,
  notes,
}: {
  readonly firewall: FirewallReport;
  readonly notes: readonly string[];
}): ReactNode {
  const texts = settingsTexts.portal;
  const { may } = useSession();
  const { data: me } = useMe();
  const refresh = useRefresh();
  const zone = useZone();
  const { pending, lastUndone } = firewall;
  const nameOf = (what: string): string => Object.entries(texts.what).find(([key]) => key === what)?.[1] ?? what;
  if (pending === null)
    return lastUndone === null ? null : (
      <p className="settings-note">
        {texts.undone(
          nameOf(lastUndone.what),
          formatClock(Date.parse(lastUndone.at), zone),
          lastUndone.undoneBy === null ? null : formatActor(lastUndone.undoneBy),
        )}
      </p>
    );
  if (!may('firewall:write')) return <p className="settings-note">{texts.pending(nameOf(pending.what))}</p>;
  return (
    <KeepOrUndo
      revertsAt={pending.revertAt}
      onKeep={async () => {
        await keep();
        say(texts.kept);
        await refresh('firewall');
      }}
      onPutBack={async () => {
        await api('POST', 'firewall/undo');
        say(texts.putBack);
        await refresh('firewall');
      }}
    >
      <strong>{texts.pending(nameOf(pending.what))}</strong>
      {me?.address != null && (
        <div>
          <State isUp>{texts.still(me.address)}</State> <span className="muted">{texts.byCli}</span>
        </div>
      )}
      {notes.map((note) => (
        <div key={note}>{sentence(note)}</div>
      ))}
    </KeepOrUndo>
  );
}

export function PortalSection(): ReactNode {
  const texts = settingsTexts.portal;
  const { may } = useSession();
  const { firewall, notes, change } = useFirewall();
  const [presets, setPresets] = useState<string[]>([...USUAL]);
  const [more, setMore] = useState('');
  const [seconds, setSeconds] = useState(STANDARD_SECONDS);
  const isReadOnly = !may('firewall:write');
  return (
    <Shown found={firewall}>
      {(report) => (
        <div className="stack">
          {isReadOnly && <p className="settings-note">{settingsTexts.onlyOwner}</p>}
          {report.backend === 'none' && <p className="settings-note">{texts.none}</p>}
          {report.problem !== null && <p className="settings-note">{sentence(report.problem)}</p>}
          <Pending firewall={report} notes={notes} />
          <Path />
          {report.portal !== null ? (
            <>
              <p>
                <strong>{texts.on}.</strong> {texts.isOn}
              </p>
              <dl className="facts">
                <dt>{texts.portsNow}</dt>
                <dd className="mono">{report.portal.ports.join(' ')}</dd>
              </dl>
              <div>
                <ConfirmButton
                  disabled={isReadOnly || report.pending !== null}
                  consequence={texts.turnOffMeans}
                  confirms={texts.turnOffConfirms}
                  onConfirm={() => change('portal', { state: 'off' })}
                >
                  {texts.turnOff}
                </ConfirmButton>
              </div>
            </>
          ) : (
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
                <ConfirmButton
                  variant="filled"
                  disabled={
                    isReadOnly ||
                    report.backend === 'none' ||
                    report.pending !== null ||
                    (presets.length === 0 && more === '')
                  }
                  consequence={texts.turnOnMeans(seconds)}
                  confirms={texts.turnOnConfirms}
                  onConfirm={() =>
                    change('portal', { state: 'on', presets, ports: wordsOf(more), confirmWithinSeconds: seconds })
                  }
                >
                  {texts.turnOn}
                </ConfirmButton>
              </div>
            </>
          )}
          <TryIt portal={report.portal} />
        </div>
      )}
    </Shown>
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
  const reachable = wordsOf(typed ?? me?.address ?? '');
  return (
    <Shown found={firewall}>
      {(report) => (
        <div className="stack">
          {isReadOnly && <p className="settings-note">{settingsTexts.onlyOwner}</p>}
          {report.backend === 'none' && <p className="settings-note">{settingsTexts.portal.none}</p>}
          <Pending firewall={report} notes={notes} />
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
                value={typed ?? me?.address ?? ''}
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
          {isAsking && me !== undefined && (
            <TypedConfirm
              title={texts.title}
              name={me.node}
              confirms={texts.confirms}
              onConfirm={() => change('isolate', { reachable, confirmWithinSeconds: STANDARD_SECONDS })}
              onClose={() => setAsking(false)}
            >
              <p>{texts.consequence(reachable.length)}</p>
            </TypedConfirm>
          )}
        </div>
      )}
    </Shown>
  );
}
