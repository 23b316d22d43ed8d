/** What belongs to the action of a rule, below the choice of it. */
import { NativeSelect, NumberInput, TextInput } from '@mantine/core';
import type { ReactNode } from 'react';
import { rulesTexts } from '../../texts/rules.ts';
import { type Fields, type FieldsPart, given, givenNumber } from './draft.ts';
import { PromptField } from './prompt-field.tsx';

const texts = rulesTexts.form;
const CAUSES = Object.entries(texts.causes).map(([value, label]) => ({ value, label }));

export function ActionFields({ fields, set, problem }: FieldsPart): ReactNode {
  const { action = 'block', approval } = fields;
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
      <PromptField
        value={fields.prompt ?? ''}
        error={problem('prompt')}
        onChange={(prompt) => set({ prompt: given(prompt) })}
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
          onChange={(event) => set({ maxWait: given(event.currentTarget.value) })}
        />
        <NumberInput
          label={texts.maxQueue}
          value={fields.maxQueue ?? ''}
          placeholder="100"
          hideControls
          error={problem('maxQueue')}
          onChange={(value) => set({ maxQueue: givenNumber(value) })}
        />
        <NumberInput
          label={texts.burst}
          value={fields.burst ?? ''}
          hideControls
          error={problem('burst')}
          onChange={(value) => set({ burst: givenNumber(value) })}
        />
        <NativeSelect
          label={texts.whileWaiting}
          value={fields.whileWaiting ?? 'silence'}
          data={Object.entries(texts.hears).map(([value, label]) => ({ value, label }))}
          onChange={(event) => set({ whileWaiting: event.currentTarget.value as Fields['whileWaiting'] })}
        />
        {refusal}
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
        onChange={(event) => hold({ timeout: given(event.currentTarget.value) })}
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
