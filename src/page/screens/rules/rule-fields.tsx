/** The fields of a rule, labelled, one below the other. */
import { NativeSelect, Radio, TextInput } from '@mantine/core';
import type { ReactNode } from 'react';
import type { RulePreview } from '../../../api/rules-preview-routes.ts';
import type { CountPer } from '../../../policy/call.ts';
import { formatCount, sentence } from '../../parts/format.ts';
import { rulesTexts } from '../../texts/rules.ts';
import { ActionFields } from './action-fields.tsx';
import { COUNTED, type Draft, type Fields, hasCeilings, limitText } from './draft.ts';
import { LimitRows } from './limit-rows.tsx';
import { MoreParts } from './more-parts.tsx';
import type { PolicyAnswer } from './rule-data.ts';
import { ScheduleHint } from './schedule-hint.tsx';
import { ScopeFields } from './scope-fields.tsx';

const texts = rulesTexts.form;
const ACTIONS = Object.entries(texts.actions).map(([value, label]) => ({ value, label }));
/** Offered without being asked; others show once a rule has them. */
const USUALLY_COUNTED: readonly CountPer[] = ['extension', 'group', 'trunk', 'system'];

export function RuleFields({
  draft,
  onChange,
  policy,
  preview,
  nameProblem,
  readOnly,
}: {
  readonly draft: Draft;
  readonly onChange: (draft: Draft) => void;
  readonly policy: PolicyAnswer;
  readonly preview: RulePreview | undefined;
  readonly nameProblem: string | undefined;
  readonly readOnly: boolean;
}): ReactNode {
  const { fields } = draft;
  const set = (part: Fields): void => onChange({ ...draft, fields: { ...fields, ...part } });
  const problemAt = (isMeant: (path: string) => boolean): string | undefined => {
    const found = preview?.problems.find(({ path }) => isMeant(path));
    return found === undefined ? undefined : sentence(found.message);
  };
  // What is wrong with one of a list stands at the list.
  const problem = (path: string): string | undefined =>
    problemAt((each) => each === path || each.startsWith(`${path}[`));
  const { document } = policy;
  const touched = preview?.emergency.touched ?? [];
  const schedule =
    fields.during !== undefined ? `during ${fields.during}` : fields.not !== undefined ? `not ${fields.not}` : '';
  return (
    <>
      <TextInput
        label={texts.name}
        value={fields.name ?? ''}
        disabled={readOnly}
        maxLength={127}
        error={nameProblem ?? problem('name')}
        onChange={(event) => set({ name: event.currentTarget.value })}
      />
      <ScopeFields
        scope={fields.appliesTo ?? 'all'}
        onChange={(appliesTo) => set({ appliesTo })}
        document={document}
        readOnly={readOnly}
      />
      {touched.length > 0 && (
        <p className="rules-warning" role="alert">
          {texts.emergency(touched.join(', '))}
        </p>
      )}
      <Counted draft={draft} preview={preview} readOnly={readOnly} onChange={(countPer) => set({ countPer })} />
      <LimitRows
        rows={draft.limits}
        onChange={(limits) => onChange({ ...draft, limits })}
        readOnly={readOnly}
        problemOf={(at) => problem(`limits[${at}]`)}
        problem={problemAt((path) => path === 'limits')}
        isAlone={!hasCeilings(fields)}
      />
      <fieldset className="rule-part" disabled={readOnly}>
        <legend>{texts.action}</legend>
        <div className="rule-pair">
          <NativeSelect
            aria-label={texts.action}
            data={ACTIONS}
            value={fields.action ?? 'block'}
            onChange={(event) => set({ action: event.currentTarget.value as Fields['action'] })}
          />
        </div>
        <ActionFields fields={fields} set={set} problem={problem} />
      </fieldset>
      <fieldset className="rule-part" disabled={readOnly}>
        <legend>{texts.schedule}</legend>
        <div className="rule-pair">
          <NativeSelect
            aria-label={texts.schedule}
            value={schedule}
            data={[
              { value: '', label: rulesTexts.always },
              ...Object.entries(document.schedules).flatMap(([id, { name }]) => [
                { value: `during ${id}`, label: texts.during(name ?? id) },
                { value: `not ${id}`, label: texts.not(name ?? id) },
              ]),
            ]}
            onChange={(event) => {
              const [how, id] = event.currentTarget.value.split(' ');
              set({ during: how === 'during' ? id : undefined, not: how === 'not' ? id : undefined });
            }}
          />
        </div>
        <ScheduleHint id={fields.during ?? fields.not} />
      </fieldset>
      <MoreParts fields={fields} set={set} problem={problem} readOnly={readOnly} document={document} />
    </>
  );
}

/** Per member, or all together: the choice that is got wrong most, so each says its arithmetic. */
function Counted({
  draft,
  preview,
  onChange,
  readOnly,
}: {
  readonly draft: Draft;
  readonly preview: RulePreview | undefined;
  readonly onChange: (per: CountPer) => void;
  readonly readOnly: boolean;
}): ReactNode {
  const per = draft.fields.countPer ?? 'extension';
  const offered = COUNTED.filter((each) => USUALLY_COUNTED.includes(each) || each === per);
  const limit = draft.limits.find(({ calls }) => calls !== '');
  const calls = limit === undefined ? '' : limitText(limit);
  const says = (each: CountPer): string => {
    const found = preview?.countedPer.find((one) => one.per === each)?.subjects;
    const subjects = found === null || found === undefined ? undefined : formatCount(found);
    if (calls === '') return texts.countOf[each];
    if (each === 'system') return `${texts.countOf[each]}, ${texts.forAll(calls)}`;
    if (each === 'group') return `${texts.countOf[each]}, ${texts.together(subjects, calls)}`;
    return `${texts.countOf[each]}, ${texts.forEach(calls, subjects)}`;
  };
  return (
    <Radio.Group
      label={texts.count}
      value={per}
      onChange={(value) => onChange(value as CountPer)}
      className="rule-part"
    >
      <div className="rule-radios">
        {offered.map((each) => (
          <Radio key={each} value={each} label={says(each)} disabled={readOnly} />
        ))}
      </div>
    </Radio.Group>
  );
}
