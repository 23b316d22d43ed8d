/** One extension, group, trunk or list: its fields, what is known of it now, and who uses it. */
import { Button, TagsInput, Textarea, TextInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { Link, useLocation, useNavigate, useParams } from 'react-router';
import type { ExtensionsAnswer } from '../../../api/extension-overview-routes.ts';
import type { GroupsAnswer } from '../../../api/member-overview-routes.ts';
import { ApiError } from '../../api/client.ts';
import { useApi, useTagged } from '../../api/queries.ts';
import { useSession } from '../../api/session.tsx';
import { useAction } from '../../parts/action.ts';
import { ConfirmButton } from '../../parts/confirm.tsx';
import { sentence } from '../../parts/format.ts';
import { SideDrawer } from '../../parts/side-drawer.tsx';
import { ChangedMeanwhile, ErrorText, Shown } from '../../parts/states.tsx';
import { membersTexts as texts } from '../../texts/members.ts';
import { usePolicy } from '../rules/rule-data.ts';
import '../rules/rules.css';
import { ExtensionNow, IpRestriction } from './extension-parts.tsx';
import { MemberChips } from './groups.tsx';
import { isKind, type Kind, useMemberActions, usersOf } from './member-data.ts';
import type { Endpoints } from './trunks.tsx';

export interface Entry {
  readonly name?: string | undefined;
  readonly members?: readonly string[];
  readonly permissions?: readonly string[] | undefined;
  readonly registerFrom?: readonly string[] | undefined;
  readonly prefixes?: readonly string[];
}

/** `members/edit/KIND/ID`. What Asterisk has and the policy does not can be given an entry here. */
export function MemberDrawer(): ReactNode {
  const { kind = '', id = '' } = useParams();
  if (!isKind(kind)) return null;
  return <Edit key={`${kind} ${id}`} kind={kind} id={id} />;
}

/** `members/add/KIND`. */
export function AddMemberDrawer(): ReactNode {
  const { kind = '' } = useParams();
  if (!isKind(kind)) return null;
  return (
    <SideDrawer title={texts.addOf[kind]} closesTo="/members">
      <MemberForm kind={kind} id={undefined} start={{}} etag={undefined} />
    </SideDrawer>
  );
}

function Edit({ kind, id }: { readonly kind: Kind; readonly id: string }): ReactNode {
  const found = useTagged<Entry & { readonly id: string }>(`${kind}/${encodeURIComponent(id)}`);
  const [round, setRound] = useState(0);
  const isMissing = found.error instanceof ApiError && found.error.status === 404;
  return (
    <SideDrawer title={`${texts.editOf[kind]} ${found.data?.body.name ?? id}`} closesTo="/members">
      {isMissing ? (
        <MemberForm kind={kind} id={id} start={{}} etag={undefined} />
      ) : (
        <Shown found={found}>
          {({ body: { id: _, ...start }, etag }) => (
            <MemberForm
              key={round}
              kind={kind}
              id={id}
              start={start}
              etag={etag}
              isThere
              onReload={() => void found.refetch().then(() => setRound(round + 1))}
            />
          )}
        </Shown>
      )}
    </SideDrawer>
  );
}

function MemberForm({
  kind,
  id,
  start: latest,
  etag: latestTag,
  isThere = false,
  onReload,
}: {
  readonly kind: Kind;
  readonly id: string | undefined;
  readonly start: Entry;
  readonly etag: string | undefined;
  readonly isThere?: boolean;
  readonly onReload?: () => void;
}): ReactNode {
  // As it was when the drawer was opened: what others save meanwhile is a conflict.
  const [{ start, etag }] = useState({ start: latest, etag: latestTag });
  const { may } = useSession();
  const readOnly = !may('policy:write');
  const [entry, setEntry] = useState(start);
  const [typed, setTyped] = useState('');
  const { save, remove } = useMemberActions();
  const { isRunning, error, run } = useAction();
  const navigate = useNavigate();
  const { search } = useLocation();
  const known = useApi<ExtensionsAnswer>(
    kind === 'extensions' || kind === 'groups' ? 'policy/extensions' : undefined,
  ).data;
  const numbers = (known?.extensions ?? []).map(({ number }) => number);
  const row = known?.extensions.find(({ number }) => number === id);
  const close = (): void => void navigate({ pathname: '/members', search }, { state: { keepsFocus: true } });
  const problems = error instanceof ApiError ? error.problems : [];
  const problem = (field: string): string | undefined => {
    const found = problems.find(
      ({ path }) => path === field || path.startsWith(`${field}[`) || path.startsWith(`.${field}`),
    );
    return found === undefined ? undefined : sentence(found.message);
  };
  const isConflict = error instanceof ApiError && error.status === 409;
  const store = (isOverwriting = false): void => {
    const given = Object.entries(entry).filter(
      ([, value]) => value !== undefined && value !== '' && !(Array.isArray(value) && value.length === 0),
    );
    const named = id ?? typed.trim();
    if (named === '') return;
    void run(() => save(kind, named, Object.fromEntries(given), isOverwriting ? undefined : etag)).then(
      (isDone) => isDone && close(),
    );
  };
  return (
    <form
      className="stack member-form"
      onSubmit={(event) => {
        event.preventDefault();
        store();
      }}
    >
      {id === undefined && <IdField kind={kind} value={typed} onChange={setTyped} numbers={numbers} />}
      <TextInput
        label={texts.name}
        value={entry.name ?? ''}
        disabled={readOnly}
        maxLength={127}
        error={problem('name')}
        onChange={(event) => setEntry({ ...entry, name: event.currentTarget.value })}
      />
      {kind === 'groups' && (
        <Tags
          label={texts.groups.members}
          help={texts.groups.membersHelp}
          values={entry.members}
          data={numbers}
          error={problem('members')}
          readOnly={readOnly}
          onChange={(members) => setEntry({ ...entry, members })}
        />
      )}
      {kind === 'groups' && id !== undefined && <StandsFor id={id} />}
      {kind === 'extensions' && (
        <Tags
          label={texts.extensions.permissions}
          help={texts.extensions.permissionsHelp}
          values={entry.permissions}
          data={['international']}
          error={problem('permissions')}
          readOnly={readOnly}
          onChange={(permissions) => setEntry({ ...entry, permissions })}
        />
      )}
      {kind === 'destinations' && (
        <Textarea
          label={texts.destinations.prefixes}
          description={texts.destinations.prefixesHelp}
          autosize
          minRows={6}
          maxRows={16}
          disabled={readOnly}
          error={problem('prefixes')}
          defaultValue={(start.prefixes ?? []).join('\n')}
          onChange={(event) =>
            setEntry({ ...entry, prefixes: event.currentTarget.value.split(/[\s,;]+/).filter((part) => part !== '') })
          }
        />
      )}
      {kind === 'extensions' && row !== undefined && <ExtensionNow row={row} />}
      {kind === 'extensions' && (
        <IpRestriction
          places={entry.registerFrom}
          registeredFrom={row?.registeredFrom ?? []}
          error={problem('registerFrom')}
          readOnly={readOnly}
          onChange={(registerFrom) => setEntry({ ...entry, registerFrom })}
        />
      )}
      {isConflict && error !== undefined ? (
        <ChangedMeanwhile error={error as ApiError} onReload={() => onReload?.()} onOverwrite={() => store(true)} />
      ) : (
        error !== undefined && <ErrorText error={error} />
      )}
      {problems.map(({ path, message }) => (
        <p key={`${path} ${message}`} className="field-problem">
          {path} {sentence(message)}
        </p>
      ))}
      {isThere && id !== undefined && <Users kind={kind} id={id} />}
      <div className="row end">
        {isThere && id !== undefined && <Delete kind={kind} id={id} onRemove={() => remove(kind, id).then(close)} />}
        <Button onClick={close}>{texts.cancel}</Button>
        <Button
          type="submit"
          variant="filled"
          loading={isRunning}
          disabled={readOnly}
          title={readOnly ? texts.mayNotWrite : undefined}
        >
          {texts.save}
        </Button>
      </div>
    </form>
  );
}

/** The number or id of a new one; what Asterisk has is offered. */
function IdField({
  kind,
  value,
  onChange,
  numbers,
}: {
  readonly kind: Kind;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly numbers: readonly string[];
}): ReactNode {
  const asterisk = useApi<Endpoints>(kind === 'trunks' ? 'asterisk/endpoints' : undefined).data;
  const trunks = (asterisk?.endpoints ?? []).flatMap((each) => (each.kind === 'trunk' ? [each.name] : []));
  const offered = kind === 'extensions' ? numbers : kind === 'trunks' ? trunks : [];
  const label = kind === 'extensions' ? texts.extensions.choose : kind === 'trunks' ? texts.trunks.choose : texts.id;
  return (
    <>
      <TextInput
        label={label}
        description={kind === 'extensions' ? texts.extensions.chooseHelp : texts.idHelp}
        required
        data-autofocus
        value={value}
        list="member-ids"
        autoComplete="off"
        onChange={(event) => onChange(event.currentTarget.value)}
      />
      <datalist id="member-ids">
        {offered.slice(0, 500).map((each) => (
          <option key={each} value={each} />
        ))}
      </datalist>
    </>
  );
}

export function Tags({
  label,
  help,
  values,
  data,
  error,
  readOnly,
  onChange,
}: {
  readonly label: string;
  readonly help: string;
  readonly values: readonly string[] | undefined;
  readonly data: readonly string[];
  readonly error: string | undefined;
  readonly readOnly: boolean;
  readonly onChange: (values: string[]) => void;
}): ReactNode {
  return (
    <TagsInput
      label={label}
      description={help}
      value={[...(values ?? [])]}
      data={[...new Set(data)]}
      limit={50}
      disabled={readOnly}
      error={error}
      splitChars={[',', ';', ' ']}
      acceptValueOnBlur
      comboboxProps={{ withinPortal: false }}
      onChange={onChange}
    />
  );
}

/** Of what is saved: how many of the known extensions its ranges and patterns stand for. */
function StandsFor({ id }: { readonly id: string }): ReactNode {
  const found = useApi<GroupsAnswer>('policy/groups').data;
  const group = found?.groups.find((each) => each.id === id);
  if (found === undefined || group === undefined) return null;
  const sets = group.members.filter(({ member }) => !/^\d+$/.test(member)).map(({ member }) => member);
  return sets.length === 0 ? null : (
    <p>
      <MemberChips members={sets} counted={group} known={found.known} most={sets.length} />
    </p>
  );
}

function Users({ kind, id }: { readonly kind: Kind; readonly id: string }): ReactNode {
  const policy = usePolicy().data;
  if (policy === undefined || kind === 'extensions') return null;
  const rules = usersOf(policy.document, kind, id);
  return (
    <section>
      <h3>{texts.used}</h3>
      {rules.length === 0 ? (
        <p className="muted">{texts.usedBy(0)}</p>
      ) : (
        <ul>
          {rules.map((rule) => (
            <li key={rule.id}>
              <Link to={`/rules/edit/${encodeURIComponent(rule.id)}`}>{rule.name ?? rule.id}</Link>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Delete({
  kind,
  id,
  onRemove,
}: {
  readonly kind: Kind;
  readonly id: string;
  readonly onRemove: () => Promise<void>;
}): ReactNode {
  const { may } = useSession();
  const policy = usePolicy().data;
  const isUsed = kind !== 'extensions' && policy !== undefined && usersOf(policy.document, kind, id).length > 0;
  // Not before it is known that nothing uses it.
  const isUnknown = kind !== 'extensions' && policy === undefined;
  const why = !may('policy:remove') ? texts.ownerDeletes : isUsed ? texts.cannotDelete : undefined;
  return (
    <ConfirmButton
      disabled={why !== undefined || isUnknown}
      title={why}
      consequence={texts.deleteMeans(id)}
      confirms={texts.delete}
      onConfirm={onRemove}
    >
      {texts.delete}
    </ConfirmButton>
  );
}
