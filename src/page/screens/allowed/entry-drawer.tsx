/** The form of one entry: what it would hold and change is said before it is saved. */
import { Button, NativeSelect, Switch, Textarea, TextInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { useLocation, useNavigate, useParams } from 'react-router';
import type { AllowReport, ChangedEntry } from '../../../api/allowlist-routes.ts';
import { ApiError, api, type Received, receive } from '../../api/client.ts';
import { useMe } from '../../api/me.ts';
import { useRefresh, useTagged } from '../../api/queries.ts';
import { useSession } from '../../api/session.tsx';
import { useKeys } from '../../frame/keys.tsx';
import { useAction } from '../../parts/action.ts';
import { TypedConfirm } from '../../parts/confirm.tsx';
import { capital, formatActor, formatClock, sentence } from '../../parts/format.ts';
import { SideDrawer } from '../../parts/side-drawer.tsx';
import { ChangedMeanwhile, ErrorText, NotFound, Shown } from '../../parts/states.tsx';
import { Time, useZone } from '../../parts/time.tsx';
import { say } from '../../parts/undo.tsx';
import { UnsavedGuard } from '../../parts/unsaved.tsx';
import { allowedTexts } from '../../texts/allowed.ts';
import { partTexts } from '../../texts/frame.ts';
import { DeleteButton } from './delete-button.tsx';
import { draftOf, type Fields, fieldsOf, isChanged } from './entries.ts';
import { Preview, usePreview } from './preview.tsx';

const texts = allowedTexts.form;

export function NewEntryDrawer(): ReactNode {
  const { may } = useSession();
  const { search } = useLocation();
  const given = new URLSearchParams(search);
  const first: Fields = {
    name: given.get('name') ?? '',
    value: given.get('value') ?? '',
    mask: '',
    type: undefined,
    description: '',
    owner: '',
    isExempt: may('allowlist:remove'),
  };
  return (
    <SideDrawer title={texts.newTitle} closesTo="/allowed-ips">
      <EntryForm first={first} />
    </SideDrawer>
  );
}

export function EntryDrawer(): ReactNode {
  const { id = '' } = useParams();
  const found = useTagged<AllowReport>(`allowlist/${encodeURIComponent(id)}`);
  const isGone = found.error instanceof ApiError && found.error.status === 404;
  return (
    <SideDrawer title={texts.editTitle(found.data?.body.name ?? '')} closesTo="/allowed-ips">
      {isGone ? (
        <NotFound>{texts.gone}</NotFound>
      ) : (
        <Shown found={found}>
          {(tagged) => <EntryForm key={id} first={fieldsOf(tagged.body)} tagged={tagged} onReload={found.refetch} />}
        </Shown>
      )}
    </SideDrawer>
  );
}

function EntryForm({
  first,
  tagged,
  onReload,
}: {
  readonly first: Fields;
  /** The entry that is edited, as it was when the form was opened. */
  readonly tagged?: Received<AllowReport>;
  readonly onReload?: () => Promise<{ readonly data: Received<AllowReport> | undefined }>;
}): ReactNode {
  const { may } = useSession();
  const { data: me } = useMe();
  const navigate = useNavigate();
  const refresh = useRefresh();
  // An entry that others change, or that is hit, meanwhile does not change under the fingers.
  const [opened, setOpened] = useState({ fields: first, etag: tagged?.etag });
  const [fields, setFields] = useState(first);
  const [isTried, setTried] = useState(false);
  const [isForcing, setForcing] = useState(false);
  const { isRunning, error, run, forget } = useAction();
  const id = tagged?.body.id;
  const mayWrite = may('allowlist:write');
  const mayExempt = may('allowlist:remove') || (opened.fields.isExempt && id !== undefined);
  const preview = usePreview(fields, id);
  const isDirty = isChanged(fields, opened.fields);
  const set = (changes: Partial<Fields>): void => {
    setFields({ ...fields, ...changes });
    forget();
  };
  const type = fields.type ?? preview.data?.type ?? tagged?.body.type ?? 'address';
  const isBlank = { name: fields.name.trim() === '', value: fields.value.trim() === '' };

  const save = async (ifMatch: string | undefined, force = false): Promise<void> => {
    const query = force ? '?force=true' : '';
    const body = draftOf(fields);
    const made =
      id === undefined
        ? await receive<ChangedEntry>('POST', `allowlist${query}`, { body })
        : await receive<ChangedEntry>('PATCH', `allowlist/${id}${query}`, { body, ifMatch });
    await refresh('allowlist', 'me', 'bans');
    const { name, notes, id: savedId } = made.body;
    const said = [id === undefined ? texts.added(name) : texts.saved(name), ...notes.map(sentence)].join(' ');
    const undo = async (): Promise<void> => {
      if (id === undefined) await api('DELETE', `allowlist/${savedId}`);
      else await api('PATCH', `allowlist/${id}`, { body: draftOf(opened.fields) });
      await refresh('allowlist', 'me');
    };
    say(said, id === undefined && !may('allowlist:remove') ? undefined : undo);
    setOpened({ fields, etag: made.etag });
    // After this is no longer unsaved.
    setTimeout(() => void navigate('/allowed-ips', { state: { keepsFocus: true } }));
  };
  const submit = (): void => {
    setTried(true);
    if (!isBlank.name && !isBlank.value && mayWrite) void run(() => save(opened.etag));
  };
  useKeys([{ keys: 'mod+s', says: texts.save, run: submit }], mayWrite);

  const problemOf = (path: string): string | undefined =>
    error instanceof ApiError ? error.problems.find((each) => each.path === path)?.message : undefined;
  const conflict = error instanceof ApiError && (error.status === 409 || error.status === 412) ? error : undefined;
  const isCutOff = conflict !== undefined && conflict.current === undefined && conflict.status === 409;
  const shownProblem = ['name', 'value', 'mask'].some((path) => problemOf(path) !== undefined);
  const valueProblem =
    problemOf('value') ??
    (isTried && isBlank.value ? texts.missingValue : undefined) ??
    (isBlank.value || preview.isPlaceholderData ? undefined : (preview.data?.problem ?? undefined));
  const exemptExtensions = preview.data?.exemptExtensions ?? null;

  return (
    <form
      className="stack"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <UnsavedGuard isDirty={isDirty && mayWrite} />
      {tagged?.body.resolved?.failingSince != null && <Failing entry={tagged.body} />}
      <TextInput
        data-autofocus={id === undefined || undefined}
        label={texts.name}
        description={texts.nameHelp}
        required
        disabled={!mayWrite}
        maxLength={127}
        value={fields.name}
        error={problemOf('name') ?? (isTried && isBlank.name ? texts.missingName : undefined)}
        onChange={(event) => set({ name: event.currentTarget.value })}
      />
      <NativeSelect
        label={texts.type}
        disabled={!mayWrite}
        value={type}
        onChange={(event) => {
          const chosen = event.currentTarget.value;
          if (chosen === 'address' || chosen === 'range' || chosen === 'domain')
            set({ type: chosen, ...(chosen === 'address' ? {} : { mask: '' }) });
        }}
        data={(['address', 'range', 'domain'] as const).map((value) => ({ value, label: allowedTexts.types[value] }))}
      />
      <div className="allowed-value">
        <TextInput
          label={texts.values[type]}
          required
          disabled={!mayWrite}
          autoComplete="off"
          spellCheck={false}
          classNames={{ input: 'mono' }}
          placeholder={texts.placeholders[type]}
          value={fields.value}
          error={valueProblem === undefined ? undefined : capital(valueProblem)}
          onChange={(event) => set({ value: event.currentTarget.value })}
        />
        {type === 'address' && (
          <TextInput
            label={texts.mask}
            disabled={!mayWrite}
            autoComplete="off"
            classNames={{ input: 'mono' }}
            placeholder="255.255.255.255"
            value={fields.mask}
            error={problemOf('mask')}
            onChange={(event) => set({ mask: event.currentTarget.value })}
          />
        )}
      </div>
      {type === 'address' && <p className="muted">{texts.maskHelp}</p>}
      {!isBlank.value && <Preview found={preview} onUse={(value) => set({ value, mask: '', type: undefined })} />}
      {isBlank.value && me?.address != null && mayWrite && (
        <div>
          <Button size="compact-sm" onClick={() => set({ value: me.address ?? '', mask: '' })}>
            {texts.takeMine(me.address)}
          </Button>
        </div>
      )}
      <div title={mayExempt ? undefined : allowedTexts.ownerSwitch}>
        <Switch
          label={texts.exempt}
          checked={fields.isExempt}
          disabled={!mayExempt || !mayWrite}
          onChange={(event) => set({ isExempt: event.currentTarget.checked })}
        />
        <p className="muted allowed-exempt-help">
          <strong>{texts.exemptMeans}</strong>{' '}
          {!isBlank.value && preview.data?.value != null
            ? `${exemptExtensions === null ? texts.exemptUnknown : texts.exemptWhom(exemptExtensions)} `
            : ''}
          {texts.exemptRisk} {texts.exemptOff}
        </p>
      </div>
      <Textarea
        label={texts.description}
        description={texts.descriptionHelp}
        disabled={!mayWrite}
        rows={2}
        maxLength={500}
        value={fields.description}
        onChange={(event) => set({ description: event.currentTarget.value })}
      />
      <TextInput
        label={texts.owner}
        description={texts.ownerHelp}
        disabled={!mayWrite}
        maxLength={127}
        value={fields.owner}
        onChange={(event) => set({ owner: event.currentTarget.value })}
      />
      {tagged !== undefined && <Known entry={tagged.body} />}
      {error !== undefined && conflict === undefined && !shownProblem && <ErrorText error={error} />}
      {isCutOff && (
        <div className="state left" role="alert">
          <ErrorText error={conflict} />
          <Button onClick={() => setForcing(true)}>{allowedTexts.force.open}</Button>
        </div>
      )}
      {conflict !== undefined && !isCutOff && (
        <ChangedMeanwhile
          error={conflict}
          onReload={() =>
            void onReload?.().then(({ data }) => {
              if (data === undefined) return;
              setOpened({ fields: fieldsOf(data.body), etag: data.etag });
              setFields(fieldsOf(data.body));
              forget();
            })
          }
          onOverwrite={() => void run(() => save(undefined))}
        />
      )}
      {mayWrite ? (
        <div className="row allowed-form-end">
          {tagged !== undefined && <DeleteButton entries={[tagged.body]}>{allowedTexts.delete}</DeleteButton>}
          <span className="allowed-gap" />
          <Button onClick={() => void navigate('/allowed-ips', { state: { keepsFocus: true } })}>
            {partTexts.cancel}
          </Button>
          <Button type="submit" variant="filled" loading={isRunning} disabled={id !== undefined && !isDirty}>
            {id === undefined ? allowedTexts.add : texts.save}
          </Button>
        </div>
      ) : (
        <p className="muted">{allowedTexts.mayNot}</p>
      )}
      {isForcing && (
        <TypedConfirm
          title={allowedTexts.force.title}
          name={me?.node ?? ''}
          confirms={allowedTexts.force.confirmsSave}
          onConfirm={() => save(opened.etag, true)}
          onClose={() => setForcing(false)}
        >
          {error !== undefined && <p>{sentence(error.message)}</p>}
        </TypedConfirm>
      )}
    </form>
  );
}

function Failing({ entry }: { readonly entry: AllowReport }): ReactNode {
  const zone = useZone();
  const { failingSince = null, keptUntil = null } = entry.resolved ?? {};
  if (failingSince === null) return null;
  const since = formatClock(Date.parse(failingSince), zone).slice(0, 5);
  return (
    <p className="allowed-warning" role="alert">
      {keptUntil === null
        ? texts.failingAlways(entry.value, since)
        : texts.failingSince(entry.value, since, formatClock(Date.parse(keptUntil), zone).slice(0, 5))}
    </p>
  );
}

function Known({ entry }: { readonly entry: AllowReport }): ReactNode {
  const { createdAt, createdBy, lastHitAt, resolved } = entry;
  return (
    <dl className="facts">
      <dt>{allowedTexts.added}</dt>
      <dd>
        <Time at={createdAt} /> {texts.addedBy(formatActor(createdBy))}
      </dd>
      <dt>{allowedTexts.lastHit}</dt>
      <dd>{lastHitAt === null ? allowedTexts.never : <Time at={lastHitAt} as="age" />}</dd>
      {resolved !== null && (
        <>
          <dt>{allowedTexts.resolved}</dt>
          <dd>
            <span className="mono">{resolved.addresses.join(', ') || '–'}</span>, {allowedTexts.nextLookup}{' '}
            <Time at={resolved.nextLookupAt} as="age" />
          </dd>
        </>
      )}
    </dl>
  );
}
