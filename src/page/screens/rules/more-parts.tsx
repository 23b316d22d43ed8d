/** The parts of a rule that most rules have not: closed until they hold something, or something in them is wrong. */
import { Checkbox, NumberInput, Radio, TagsInput, TextInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import type { PolicyDocument } from '../../../policy/document.ts';
import { rulesTexts } from '../../texts/rules.ts';
import { type Fields, type FieldsPart, given, givenNumber } from './draft.ts';
import { CLASSES } from './scope-fields.tsx';

const texts = rulesTexts.form;

interface MorePart extends FieldsPart {
  readonly readOnly: boolean;
}

export function MoreParts({ document, ...part }: MorePart & { readonly document: PolicyDocument }): ReactNode {
  return (
    <>
      <Ceilings {...part} />
      <Counting {...part} />
      <FirstCalls {...part} />
      <Outcomes {...part} />
      <Lock {...part} destinations={Object.keys(document.destinations)} />
      <StoreFails {...part} />
    </>
  );
}

/** Opens when there is something in it to see; whether it closes again is up to the reader. */
function More({
  title,
  isOpen,
  readOnly,
  children,
}: {
  readonly title: string;
  readonly isOpen: boolean;
  readonly readOnly: boolean;
  readonly children: ReactNode;
}): ReactNode {
  const [wasOpened, setOpened] = useState(isOpen);
  if (isOpen && !wasOpened) setOpened(true);
  return (
    <details className="rule-more" open={wasOpened}>
      <summary>{title}</summary>
      <fieldset className="rule-part" disabled={readOnly}>
        <legend className="unseen">{title}</legend>
        {children}
      </fieldset>
    </details>
  );
}

const LEVELS = ['soft', 'hard'] as const;

function Ceilings({ fields, set, problem, readOnly }: MorePart): ReactNode {
  const budget = (kind: 'spend' | 'minutes', level: 'soft' | 'hard'): ReactNode => {
    const path = `${kind}.${level}`;
    return (
      <TextInput
        key={path}
        label={texts.budgets[kind][level]}
        placeholder={texts.budgetExamples[kind][level]}
        value={fields[kind]?.[level] ?? ''}
        error={problem(path)}
        onChange={(event) => {
          const all = { ...fields[kind], [level]: given(event.currentTarget.value) };
          const kept = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
          set({ [kind]: Object.keys(kept).length === 0 ? undefined : kept });
        }}
      />
    );
  };
  const { concurrent, maxDuration, spend, minutes } = fields;
  const isUsed = [concurrent, maxDuration, spend, minutes].some((each) => each !== undefined);
  return (
    <More title={texts.ceilings} isOpen={isUsed} readOnly={readOnly}>
      <div className="rule-pair">
        <NumberInput
          label={texts.concurrent}
          value={concurrent ?? ''}
          min={1}
          hideControls
          error={problem('concurrent')}
          onChange={(value) => set({ concurrent: givenNumber(value) })}
        />
        <TextInput
          label={texts.longest}
          placeholder="60m"
          value={maxDuration ?? ''}
          error={problem('maxDuration')}
          onChange={(event) => set({ maxDuration: given(event.currentTarget.value) })}
        />
      </div>
      <div className="rule-pair">{LEVELS.map((level) => budget('spend', level))}</div>
      <div className="rule-pair">{LEVELS.map((level) => budget('minutes', level))}</div>
      <p className="muted small">{texts.ceilingsHelp}</p>
    </More>
  );
}

function Counting({ fields, set, problem, readOnly }: MorePart): ReactNode {
  const wrong = problem('counting');
  return (
    <More title={texts.counting} isOpen={fields.counting === 'rolling'} readOnly={readOnly}>
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
      {wrong !== undefined && <p className="field-problem">{wrong}</p>}
    </More>
  );
}

function FirstCalls({ fields, set, problem, readOnly }: MorePart): ReactNode {
  const { firstCallTo } = fields;
  return (
    <More title={texts.first} isOpen={firstCallTo !== undefined} readOnly={readOnly}>
      <Checkbox
        label={texts.firstOnly}
        description={texts.firstHelp}
        checked={firstCallTo !== undefined}
        onChange={(event) =>
          set({ firstCallTo: event.currentTarget.checked ? { what: 'country', within: '90d' } : undefined })
        }
      />
      {firstCallTo !== undefined && (
        <div className="rule-pair">
          <TextInput
            label={texts.firstWithin}
            description={texts.durationHelp('90d')}
            value={firstCallTo.within}
            error={problem('firstCallTo.within')}
            onChange={(event) => set({ firstCallTo: { ...firstCallTo, within: event.currentTarget.value.trim() } })}
          />
        </div>
      )}
    </More>
  );
}

type Unreached = keyof typeof texts.givesBack;
const GIVES_BACK = Object.keys(texts.givesBack) as readonly Unreached[];
const HOLDS = ['answered', 'conversation'] as const;

function Outcomes({ fields, set, problem, readOnly }: MorePart): ReactNode {
  const { giveBackOn, holdAfter } = fields;
  return (
    <More title={texts.outcomes} isOpen={giveBackOn !== undefined || holdAfter !== undefined} readOnly={readOnly}>
      <Checkbox.Group
        label={texts.giveBack}
        description={texts.giveBackHelp}
        error={problem('giveBackOn')}
        value={[...(giveBackOn ?? [])]}
        onChange={(values) => {
          // In the order in which they stand, so that ticking one off and on again changes nothing.
          const ticked = GIVES_BACK.filter((outcome) => values.includes(outcome));
          set({ giveBackOn: ticked.length === 0 ? undefined : ticked });
        }}
      >
        <div className="rule-ticks">
          {GIVES_BACK.map((outcome) => (
            <Checkbox key={outcome} value={outcome} label={texts.givesBack[outcome]} />
          ))}
        </div>
      </Checkbox.Group>
      <div className="rule-pair">
        {HOLDS.map((outcome) => (
          <TextInput
            key={outcome}
            label={texts.holdAfter[outcome]}
            placeholder="7d"
            value={holdAfter?.[outcome] ?? ''}
            error={problem(`holdAfter.${outcome}`)}
            onChange={(event) => {
              const all = { ...holdAfter, [outcome]: given(event.currentTarget.value) };
              const isEmpty = HOLDS.every((each) => all[each] === undefined);
              set({ holdAfter: isEmpty ? undefined : all });
            }}
          />
        ))}
      </div>
    </More>
  );
}

function Lock({
  fields,
  set,
  problem,
  readOnly,
  destinations,
}: MorePart & { readonly destinations: readonly string[] }): ReactNode {
  const { lockout } = fields;
  const change = (part: Fields['lockout']): void => set({ lockout: { ...lockout, ...part } });
  return (
    <More title={texts.lock} isOpen={lockout !== undefined} readOnly={readOnly}>
      <Checkbox
        label={texts.lockOn}
        description={texts.lockHelp}
        checked={lockout !== undefined}
        onChange={(event) => set({ lockout: event.currentTarget.checked ? { after: 5, within: '24h' } : undefined })}
      />
      {lockout !== undefined && (
        <>
          <div className="rule-pair">
            <NumberInput
              label={texts.lockAfter}
              value={lockout.after ?? ''}
              min={1}
              hideControls
              error={problem('lockout.after')}
              onChange={(value) => change({ after: givenNumber(value) })}
            />
            <TextInput
              label={texts.lockWithin}
              placeholder="24h"
              value={lockout.within ?? ''}
              error={problem('lockout.within')}
              onChange={(event) => change({ within: given(event.currentTarget.value) })}
            />
          </div>
          <TagsInput
            label={texts.lockDestinations}
            description={texts.lockUsual}
            value={[...(lockout.destinations ?? [])]}
            data={[...destinations, ...CLASSES]}
            limit={50}
            splitChars={[',', ';', ' ']}
            acceptValueOnBlur
            comboboxProps={{ withinPortal: false }}
            error={problem('lockout.destinations')}
            onChange={(values) =>
              change({
                destinations:
                  values.length === 0 ? undefined : (values as NonNullable<Fields['lockout']>['destinations']),
              })
            }
          />
        </>
      )}
    </More>
  );
}

function StoreFails({ fields, set, readOnly }: MorePart): ReactNode {
  return (
    <More title={texts.storeFails} isOpen={fields.whenStoreFails === 'block'} readOnly={readOnly}>
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
    </More>
  );
}
