/**
 * The form of a rule: fields at the left, what the rule says, permits and would have hit at the right. No save before these
 * are on the screen: they come of one answer of the API, so that the command line says the same.
 */

import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useEffect, useEffectEvent, useState } from 'react';
import { Link, useNavigate, useParams, useSearchParams } from 'react-router';
import type { RulePreview } from '../../../api/rules-preview-routes.ts';
import type { RuleDocument } from '../../../policy/document.ts';
import { ApiError, api, receive } from '../../api/client.ts';
import { useRefresh, useTagged } from '../../api/queries.ts';
import { useSession } from '../../api/session.tsx';
import { announce } from '../../frame/announcer.tsx';
import { useAction } from '../../parts/action.ts';
import { Screen } from '../../parts/screen.tsx';
import { ChangedMeanwhile, ErrorText, NotFound, Shown } from '../../parts/states.tsx';
import { say } from '../../parts/undo.tsx';
import { UnsavedGuard } from '../../parts/unsaved.tsx';
import { rulesTexts } from '../../texts/rules.ts';
import { Answer, AnswerBar } from './answer.tsx';
import { bodyOf, type Draft, draftAbout, draftOf, freeId, freeName, patchOf } from './draft.ts';
import { type PolicyAnswer, usePolicy } from './rule-data.ts';
import { RuleFields } from './rule-fields.tsx';
import './rules.css';

const texts = rulesTexts.form;

/** `rules/edit/ID`. */
export function EditRuleScreen(): ReactNode {
  const { id = '' } = useParams();
  const found = useTagged<RuleDocument>(`rules/${encodeURIComponent(id)}`);
  const policy = usePolicy();
  const [round, setRound] = useState(0);
  const reload = (): void => void found.refetch().then(() => setRound(round + 1));
  if (found.error instanceof ApiError && found.error.status === 404) return <NotFound>{found.error.message}</NotFound>;
  return (
    <Shown found={found} rows={10}>
      {({ body, etag }) => (
        <Shown found={policy} rows={10}>
          {(loaded) => (
            <RuleForm
              key={`${id} ${round}`}
              policy={loaded}
              before={body}
              etag={etag}
              start={draftOf(body)}
              onReload={reload}
            />
          )}
        </Shown>
      )}
    </Shown>
  );
}

/** `rules/new`, empty, as a copy of another one, or about calls like one that was made. */
export function NewRuleScreen(): ReactNode {
  const policy = usePolicy();
  const [query] = useSearchParams();
  const copied = query.get('copy');
  return (
    <Shown found={policy} rows={10}>
      {(loaded) => {
        const { rules } = loaded.document;
        const original = rules.find(({ id }) => id === copied);
        if (original === undefined)
          return (
            <RuleForm
              policy={loaded}
              start={draftAbout({ extension: query.get('extension'), trunk: query.get('trunk') })}
            />
          );
        const { id, ...fields } = original;
        const name = freeName(
          original.name ?? id,
          rules.map((rule) => rule.name ?? rule.id),
        );
        return <RuleForm policy={loaded} start={draftOf({ ...fields, name })} />;
      }}
    </Shown>
  );
}

const PAUSE_MS = 300;
const SPOKEN_AFTER_MS = 800;
const DAYS = 7;

/** The same value, once it has stood still. */
function useSettled<T>(value: T, ms: number): T {
  const [settled, settle] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => settle(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return settled;
}

function usePreview(draft: Draft, replaces: string | undefined) {
  const { id: _, ...rule } = bodyOf(draft);
  const asked = useSettled(
    JSON.stringify({ rule, days: DAYS, ...(replaces === undefined ? {} : { replaces }) }),
    PAUSE_MS,
  );
  const found = useQuery<RulePreview, Error>({
    queryKey: ['rules', 'preview', asked],
    queryFn: ({ signal }) => api<RulePreview>('POST', 'rules/preview', { body: JSON.parse(asked), signal }),
    placeholderData: (before) => before,
    staleTime: 60_000,
  });
  const isOld =
    found.isPlaceholderData ||
    asked !== JSON.stringify({ rule, days: DAYS, ...(replaces === undefined ? {} : { replaces }) });
  return { ...found, isOld };
}

function RuleForm({
  policy,
  before: latest,
  etag: latestTag,
  start,
  onReload,
}: {
  readonly policy: PolicyAnswer;
  readonly before?: RuleDocument;
  readonly etag?: string | undefined;
  readonly start: Draft;
  readonly onReload?: () => void;
}): ReactNode {
  // As it was when the form was opened: what others save meanwhile is a conflict, and is not overwritten without a word.
  const [{ before, etag }] = useState({ before: latest, etag: latestTag });
  const { may } = useSession();
  const navigate = useNavigate();
  const refresh = useRefresh();
  const [draft, setDraft] = useState(start);
  const [first] = useState(() => JSON.stringify(bodyOf(start)));
  const [isSaved, setSaved] = useState(false);
  const [isTried, setTried] = useState(false);
  const [wanted, want] = useState<'enforce' | 'shadow'>();
  const { isRunning, error, run, forget } = useAction();
  const preview = usePreview(draft, before?.id);
  const { data } = preview;

  const sentence = data?.sentence ?? undefined;
  const settled = useSettled(sentence, SPOKEN_AFTER_MS);
  useEffect(() => {
    if (settled !== undefined) announce(rulesTexts.answer.announced(settled));
  }, [settled]);
  // The question before leaving has to be gone first.
  useEffect(() => {
    if (isSaved) void navigate('/rules');
  }, [isSaved, navigate]);

  const others = policy.document.rules.filter(({ id }) => id !== before?.id);
  const name = draft.fields.name ?? '';
  const namesTaken = others.map((rule) => rule.name ?? rule.id);
  const nameProblem =
    name.trim() === '' && before?.name === undefined && before !== undefined
      ? undefined
      : name.trim() === ''
        ? texts.nameMissing
        : namesTaken.includes(name.trim())
          ? texts.nameTaken(name.trim(), freeName(name.trim(), namesTaken))
          : undefined;
  const touched = data?.emergency.touched ?? [];
  const isSound = nameProblem === undefined && (data?.problems.length ?? 1) === 0 && touched.length === 0;
  const acted = (data?.hits?.acted.block ?? 0) + (data?.hits?.acted.hold ?? 0);

  const save = (mode: 'enforce' | 'shadow', isOverwriting = false): void => {
    setTried(true);
    // What is saved is what was shown: the answer to the last stroke comes first.
    want(preview.isOld && preview.error === null ? mode : undefined);
    if (!isSound || preview.isOld) return;
    void run(async () => {
      const body = { ...bodyOf(draft), ...(name.trim() === '' ? {} : { name: name.trim() }), mode };
      const saved =
        before === undefined
          ? await receive('POST', 'rules', {
              body: {
                ...body,
                id: freeId(
                  name,
                  others.map(({ id }) => id),
                ),
              },
            })
          : await receive('PATCH', `rules/${encodeURIComponent(before.id)}`, {
              body: patchOf({ ...before }, body),
              ...(isOverwriting || etag === undefined ? {} : { ifMatch: etag }),
            });
      await refresh('rules', 'policy', 'doctor');
      say(rulesTexts.saved(name.trim() || (before?.id ?? ''), mode === 'shadow', rulesTexts.onNodes(saved.inForce)));
      setSaved(true);
    });
  };

  const saveWanted = useEffectEvent(() => {
    if (wanted !== undefined) save(wanted);
  });
  useEffect(() => {
    if (!preview.isOld) saveWanted();
  }, [preview.isOld]);

  const isDirty = !isSaved && JSON.stringify(bodyOf(draft)) !== first;
  const isConflict = error instanceof ApiError && error.status === 409;
  const mayShadow =
    may('policy:remove') || (may('policy:write') && (before?.id !== 'default' || before.mode === 'shadow'));
  const enforce = (
    <Button
      key="enforce"
      variant={acted > 0 ? 'default' : 'filled'}
      loading={isRunning || wanted !== undefined}
      disabled={!may('policy:write') || touched.length > 0}
      title={may('policy:write') ? undefined : rulesTexts.mayNotWrite}
      onClick={() => save('enforce')}
    >
      {texts.saveEnforce}
    </Button>
  );
  const shadow = (
    <Button
      key="shadow"
      variant={acted > 0 ? 'filled' : 'default'}
      loading={isRunning || wanted !== undefined}
      disabled={!mayShadow || touched.length > 0}
      title={mayShadow ? undefined : may('policy:write') ? rulesTexts.ownerDefault : rulesTexts.mayNotWrite}
      onClick={() => save('shadow')}
    >
      {texts.saveShadow}
    </Button>
  );
  return (
    <Screen title={before === undefined ? texts.add : texts.edit(before.name ?? before.id)} purpose={texts.help}>
      <UnsavedGuard isDirty={isDirty} />
      <form
        className="rule-form"
        onSubmit={(event) => {
          event.preventDefault();
        }}
      >
        <div className="rule-fields">
          <RuleFields
            draft={draft}
            onChange={setDraft}
            policy={policy}
            preview={data}
            nameProblem={isTried || name !== '' ? nameProblem : undefined}
            readOnly={!may('policy:write')}
          />
        </div>
        <div className="rule-answer">
          <Answer
            preview={data}
            error={preview.error}
            isOld={preview.isOld}
            draft={draft}
            onRolling={() => setDraft({ ...draft, fields: { ...draft.fields, counting: 'rolling' } })}
          />
          {isConflict && error !== undefined ? (
            <ChangedMeanwhile
              error={error as ApiError}
              onReload={() => {
                forget();
                onReload?.();
              }}
              onOverwrite={() => save(draft.fields.mode ?? 'enforce', true)}
            >
              <Difference before={before} now={(error as ApiError).current} />
            </ChangedMeanwhile>
          ) : (
            error !== undefined && <ErrorText error={error} />
          )}
        </div>
        <div className="rule-saves">
          <AnswerBar preview={data} isOld={preview.isOld} />
          <div className="row end">
            <Button component={Link} to="/rules">
              {texts.cancel}
            </Button>
            {/* The one that matters comes last; what would have refused honest calls is tried out first. */}
            {acted > 0 ? [enforce, shadow] : [shadow, enforce]}
          </div>
        </div>
      </form>
    </Screen>
  );
}

/** What somebody else changed. */
function Difference({ before, now }: { readonly before: RuleDocument | undefined; readonly now: unknown }): ReactNode {
  if (before === undefined || typeof now !== 'object' || now === null) return null;
  const text = (value: unknown): string =>
    value === undefined || value === null ? '–' : typeof value === 'string' ? value : JSON.stringify(value);
  const was = { ...before } as Readonly<Record<string, unknown>>;
  return (
    <ul>
      {Object.entries(patchOf(was, { ...now })).map(([field, is]) => (
        <li key={field}>{texts.theirs(field, text(was[field]), text(is))}</li>
      ))}
    </ul>
  );
}
