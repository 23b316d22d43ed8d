/** The fields of a rule, labelled, one below the other. */
import { NativeSelect, NumberInput, Radio, TextInput } from '@mantine/core';
import type { ReactNode } from 'react';
import type { RulePreview } from '../../../api/rules-preview-routes.ts';
import type { CountPer } from '../../../policy/call.ts';
import { formatCount } from '../../parts/format.ts';
import { rulesTexts } from '../../texts/rules.ts';
import { COUNTED, type Draft, type Fields, limitText } from './draft.ts';
import { LimitRows } from './limit-rows.tsx';
import type { PolicyAnswer } from './rule-data.ts';
import { ScheduleHint } from './schedule-hint.tsx';
import { ScopeFields } from './scope-fields.tsx';

const texts = rulesTexts.form;
const ACTIONS = Object.entries(texts.actions).map(([value, label]) => ({ value, label }));
const CAUSES = Object.entries(texts.causes).map(([value, label]) => ({ value, label }));
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
  const problem = (path: string): string | undefined => preview?.problems.find((each) => each.path === path)?.message;
  const { document } = policy;
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
      <Counted draft={draft} preview={preview} readOnly={readOnly} onChange={(countPer) => set({ countPer })} />
      <LimitRows
        rows={draft.limits}
        onChange={(limits) => onChange({ ...draft, limits })}
        readOnly={readOnly}
        problemOf={(at) => problem(`limits[${at}]`)}
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
      <More fields={fields} set={set} problem={problem} readOnly={readOnly} />
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

interface Part {
  readonly fields: Fields;
  readonly set: (part: Fields) => void;
  readonly problem: (path: string) => string | undefined;
}

function ActionFields({ fields, set, problem }: Part): ReactNode {
  const { action = 'block', approval } = fields;
  const text = (value: string): string | undefined => (value.trim() === '' ? undefined : value.trim());
  if (action === 'alert') return <p className="muted">{texts.alertHelp}</p>;
  const refusal = (
    <>
      <NativeSelect
        label={texts.cause}
        value={String(fields.hangupCause ?? 21)}
        data={
          texts.causes[fields.hangupCause ?? 21] === undefined
            ? [...CAUSES, { value: String(fields.hangupCause), label: String(fields.hangupCause) }]
            : CAUSES
        }
        onChange={(event) => set({ hangupCause: Number(event.currentTarget.value) })}
      />
      <TextInput
        label={texts.prompt}
        description={texts.promptHelp}
        value={fields.prompt ?? 'tollgate-limit'}
        error={problem('prompt')}
        onChange={(event) => set({ prompt: text(event.currentTarget.value) })}
      />
    </>
  );
  if (action === 'block') return <div className="rule-pair">{refusal}</div>;
  if (action === 'wait')
    return (
      <div className="rule-pair">
        <TextInput
          label={texts.maxWait}
          description={texts.maxWaitHelp}
          value={fields.maxWait ?? ''}
          placeholder="2s"
          error={problem('maxWait')}
          onChange={(event) => set({ maxWait: text(event.currentTarget.value) })}
        />
        <NativeSelect
          label={texts.whileWaiting}
          value={fields.whileWaiting ?? 'silence'}
          data={Object.entries(texts.hears).map(([value, label]) => ({ value, label }))}
          onChange={(event) => set({ whileWaiting: event.currentTarget.value as Fields['whileWaiting'] })}
        />
      </div>
    );
  const hold = (part: Partial<NonNullable<Fields['approval']>>): void =>
    set({ approval: { ...approval, ...part } as Fields['approval'] });
  return (
    <div className="rule-pair">
      <TextInput
        label={texts.timeout}
        description={texts.timeoutHelp}
        value={approval?.timeout ?? ''}
        placeholder="60s"
        error={problem('approval.timeout')}
        onChange={(event) => hold({ timeout: text(event.currentTarget.value) })}
      />
      <NativeSelect
        label={texts.otherwise}
        value={approval?.otherwise ?? 'block'}
        data={Object.entries(texts.others).map(([value, label]) => ({ value, label }))}
        onChange={(event) => hold({ otherwise: event.currentTarget.value as 'block' | 'allow' })}
      />
      <NativeSelect
        label={texts.approvers}
        value={String(approval?.approvers ?? 1)}
        data={['1', '2']}
        onChange={(event) => hold({ approvers: event.currentTarget.value === '2' ? 2 : 1 })}
      />
    </div>
  );
}

function More({ fields, set, problem, readOnly }: Part & { readonly readOnly: boolean }): ReactNode {
  const { spend } = fields;
  const text = (value: string): string | undefined => (value.trim() === '' ? undefined : value.trim());
  const budget = (part: Partial<NonNullable<Fields['spend']>>): void => {
    const both = { ...spend, ...part };
    const given = Object.entries(both).filter(([, value]) => value !== undefined);
    set({ spend: given.length === 0 ? undefined : Object.fromEntries(given) });
  };
  const { hard, soft } = spend ?? {};
  return (
    <>
      <details
        className="rule-more"
        open={fields.concurrent !== undefined || spend !== undefined || fields.maxDuration !== undefined}
      >
        <summary>{texts.ceilings}</summary>
        <fieldset className="rule-pair" disabled={readOnly}>
          <legend className="unseen">{texts.ceilings}</legend>
          <NumberInput
            label={texts.concurrent}
            value={fields.concurrent ?? ''}
            min={1}
            hideControls
            error={problem('concurrent')}
            onChange={(value) => set({ concurrent: value === '' ? undefined : Number(value) })}
          />
          <TextInput
            label={texts.longest}
            placeholder="60m"
            value={fields.maxDuration ?? ''}
            error={problem('maxDuration')}
            onChange={(event) => set({ maxDuration: text(event.currentTarget.value) })}
          />
          <TextInput
            label={texts.spendSoft}
            placeholder="40/1d"
            value={soft ?? ''}
            error={problem('spend.soft')}
            onChange={(event) => budget({ soft: text(event.currentTarget.value) })}
          />
          <TextInput
            label={texts.spendHard}
            placeholder="60/1d"
            value={hard ?? ''}
            error={problem('spend.hard')}
            onChange={(event) => budget({ hard: text(event.currentTarget.value) })}
          />
        </fieldset>
      </details>
      <details className="rule-more" open={fields.counting === 'rolling'}>
        <summary>{texts.counting}</summary>
        <Radio.Group
          aria-label={texts.counting}
          value={fields.counting ?? 'bucket'}
          onChange={(value) => set({ counting: value as Fields['counting'] })}
        >
          <div className="rule-radios">
            <Radio value="bucket" label={texts.countingOf.bucket} disabled={readOnly} />
            <Radio value="rolling" label={texts.countingOf.rolling} disabled={readOnly} />
          </div>
        </Radio.Group>
        {problem('counting') !== undefined && <p className="field-problem">{problem('counting')}</p>}
      </details>
      <details className="rule-more" open={fields.whenStoreFails === 'block'}>
        <summary>{texts.storeFails}</summary>
        <Radio.Group
          aria-label={texts.storeFails}
          value={fields.whenStoreFails ?? 'allow'}
          onChange={(value) => set({ whenStoreFails: value as Fields['whenStoreFails'] })}
        >
          <div className="rule-radios">
            <Radio value="allow" label={texts.storeFailsOf.allow} disabled={readOnly} />
            <Radio value="block" label={texts.storeFailsOf.block} disabled={readOnly} />
          </div>
        </Radio.Group>
      </details>
    </>
  );
}
