/** The table of rules, and what can be done with each. */
import { ActionIcon, Button, Menu, Switch } from '@mantine/core';
import { IconAlertTriangle, IconCircle, IconCircleDot, IconDots, IconEye } from '@tabler/icons-react';
import { type ReactNode, useState } from 'react';
import { useNavigate } from 'react-router';
import { useMe } from '../../api/me.ts';
import { useKeys } from '../../frame/keys.tsx';
import { usePhone } from '../../frame/phone.ts';
import { useAction } from '../../parts/action.ts';
import { TypedConfirm } from '../../parts/confirm.tsx';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { formatCount, sentence } from '../../parts/format.ts';
import { useDrawerOpener } from '../../parts/side-drawer.tsx';
import { Empty, ErrorText } from '../../parts/states.tsx';
import { Time } from '../../parts/time.tsx';
import { Verdict } from '../../parts/verdict.tsx';
import { partTexts } from '../../texts/frame.ts';
import { rulesTexts as texts } from '../../texts/rules.ts';
import { type RuleRow, useRuleActions } from './rule-data.ts';
import { appliesTo, ceilingsOf, limitsOf, ruleName, verdictOf, whenOf } from './rule-words.ts';
import { Spark } from './spark.tsx';

const isDefault = ({ id }: RuleRow): boolean => id === 'default';
const stateOf = ({ enabled, mode }: RuleRow): keyof typeof texts.states =>
  !enabled ? 'off' : mode === 'shadow' ? 'shadow' : 'on';
const ICONS = { on: IconCircleDot, off: IconCircle, shadow: IconEye };

function Name({ rule }: { readonly rule: RuleRow }): ReactNode {
  const state = stateOf(rule);
  const Icon = ICONS[state];
  return (
    <span className="rules-name" data-state={state}>
      <Icon size={16} stroke={1.75} aria-hidden />
      <span className="unseen">{texts.states[state]}: </span>
      <span className="rules-cut">{ruleName(rule)}</span>
    </span>
  );
}

/** Two hours a bar: twelve are enough to see a day. */
const pairs = (hours: readonly number[]): readonly number[] =>
  hours.flatMap((value, at) => (at % 2 === 0 ? [value + (hours[at + 1] ?? 0)] : []));

function Day({ rule }: { readonly rule: RuleRow }): ReactNode {
  const { activity } = rule;
  if (activity === undefined) return <span className="muted">0</span>;
  const { acted, would, hours } = activity;
  return (
    <span className="rules-day">
      <Spark values={pairs(hours)} />
      {rule.mode === 'shadow' ? texts.would(formatCount(would)) : formatCount(acted)}
    </span>
  );
}

const ActionOf = ({ rule }: { readonly rule: RuleRow }): ReactNode => (
  <Verdict verdict={verdictOf[rule.action]} isShadow={rule.mode === 'shadow'} />
);

const Finding = ({ rule }: { readonly rule: RuleRow }): ReactNode =>
  rule.finding === undefined ? (
    <span className="muted">{texts.noFinding}</span>
  ) : (
    <span className="rules-finding" title={sentence(rule.finding)}>
      <IconAlertTriangle size={16} stroke={1.75} aria-hidden />
      {sentence(rule.finding)}
    </span>
  );

function OnSwitch({ rule }: { readonly rule: RuleRow }): ReactNode {
  const { mayWrite, mayRemove, turn } = useRuleActions();
  const [isAsked, ask] = useState(false);
  const mayTurn = isDefault(rule) && rule.enabled ? mayRemove : mayWrite;
  return (
    <>
      <Switch
        size="xs"
        aria-label={`${rule.enabled ? texts.switchOff : texts.switchOn}: ${ruleName(rule)}`}
        checked={rule.enabled}
        disabled={!mayTurn}
        title={mayTurn ? undefined : mayWrite ? texts.ownerDefault : texts.mayNotWrite}
        onChange={() => {
          if (isDefault(rule) && rule.enabled) ask(true);
          else void turn(rule, rule.enabled ? 'disable' : 'enable');
        }}
      />
      {isAsked && (
        <DefaultQuestion
          confirms={texts.switchOff}
          onConfirm={() => turn(rule, 'disable')}
          onClose={() => ask(false)}
        />
      )}
    </>
  );
}

/** Step C: the name of the box has to be typed. */
function DefaultQuestion({
  confirms,
  onConfirm,
  onClose,
}: {
  readonly confirms: string;
  readonly onConfirm: () => Promise<unknown>;
  readonly onClose: () => void;
}): ReactNode {
  const node = useMe().data?.node ?? '';
  return (
    <TypedConfirm title={texts.defaultTitle} name={node} confirms={confirms} onConfirm={onConfirm} onClose={onClose}>
      <p>{texts.defaultMeans}</p>
    </TypedConfirm>
  );
}

function Operations({ rule }: { readonly rule: RuleRow }): ReactNode {
  const { mayWrite, mayRemove, turn, reset, remove } = useRuleActions();
  const [isRemoving, setRemoving] = useState(false);
  const navigate = useNavigate();
  const open = useDrawerOpener();
  const { isRunning, error, run } = useAction();
  const id = encodeURIComponent(rule.id);
  const isShadow = rule.mode === 'shadow';
  const who = mayWrite ? undefined : texts.mayNotWrite;
  const mayShadow = isDefault(rule) ? mayRemove : mayWrite;
  const close = (): void => setRemoving(false);
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="subtle" aria-label={partTexts.actionsOf(ruleName(rule))}>
            <IconDots size={20} stroke={1.75} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item disabled={!mayWrite} title={who} onClick={() => void navigate(`/rules/edit/${id}`)}>
            {texts.edit}
          </Menu.Item>
          <Menu.Item disabled={!mayWrite} title={who} onClick={() => void navigate(`/rules/new?copy=${id}`)}>
            {texts.duplicate}
          </Menu.Item>
          <Menu.Divider />
          {isShadow ? (
            <Menu.Item onClick={() => open(`/rules/shadow/${id}`)}>{texts.toEnforce}</Menu.Item>
          ) : (
            <Menu.Item disabled={!mayShadow} title={who} onClick={() => void turn(rule, 'shadow')}>
              {texts.toShadow}
              {mayWrite && !mayShadow && <span className="rules-why">{texts.ownerDefault}</span>}
            </Menu.Item>
          )}
          <Menu.Item disabled={!mayWrite} title={who} onClick={() => void reset(rule)}>
            {texts.reset}
          </Menu.Item>
          <Menu.Item onClick={() => open('/rules/try')}>{texts.explain}</Menu.Item>
          <Menu.Divider />
          <Menu.Item disabled={!mayRemove} onClick={() => setRemoving(true)}>
            {texts.remove}
            {!mayRemove && <span className="rules-why">{texts.ownerDeletes}</span>}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {isRemoving &&
        (isDefault(rule) ? (
          <DefaultQuestion confirms={texts.removeMany(1)} onConfirm={() => remove([rule.id])} onClose={close} />
        ) : (
          <Dialog title={texts.removeTitle(ruleName(rule))} onClose={close}>
            <div className="stack">
              <p>{texts.removeMeans(1, formatCount(rule.activity?.acted ?? 0))}</p>
              {error !== undefined && <ErrorText error={error} />}
              <div className="row end">
                <Button data-autofocus onClick={close}>
                  {partTexts.cancel}
                </Button>
                <Button
                  variant="filled"
                  color="danger"
                  loading={isRunning}
                  onClick={() => void run(() => remove([rule.id])).then((isDone) => isDone && close())}
                >
                  {texts.removeMany(1)}
                </Button>
              </div>
            </div>
          </Dialog>
        ))}
    </>
  );
}

const Cut = ({ children }: { readonly children: string }): ReactNode => (
  <span className="rules-cut" title={children}>
    {children}
  </span>
);

const { columns } = texts;
const COLUMNS: readonly Column<RuleRow>[] = [
  { id: 'name', header: columns.name, cell: (rule) => <Name rule={rule} /> },
  { id: 'limits', header: columns.limits, cell: (rule) => <span className="mono">{limitsOf(rule)}</span> },
  { id: 'applies', header: columns.appliesTo, cell: (rule) => <Cut>{appliesTo(rule, rule.names)}</Cut> },
  { id: 'per', header: columns.countPer, cell: ({ countPer }) => texts.per[countPer] },
  { id: 'action', header: columns.action, cell: (rule) => <ActionOf rule={rule} /> },
  { id: 'when', header: columns.when, cell: (rule) => <Cut>{whenOf(rule, rule.names)}</Cut> },
  { id: 'day', header: columns.day, isNumber: true, cell: (rule) => <Day rule={rule} /> },
  { id: 'mode', header: columns.mode, isHiddenAtFirst: true, cell: ({ mode }) => texts.modes[mode] },
  {
    id: 'ceilings',
    header: columns.ceilings,
    isHiddenAtFirst: true,
    cell: (rule) => <span className="mono">{ceilingsOf(rule) || '–'}</span>,
  },
  {
    id: 'last',
    header: columns.lastHit,
    isHiddenAtFirst: true,
    cell: ({ activity }) => (activity === undefined ? '–' : <Time at={activity.lastAt} as="age" />),
  },
  {
    id: 'fails',
    header: columns.storeFails,
    isHiddenAtFirst: true,
    cell: ({ whenStoreFails }) => texts.storeFails[whenStoreFails],
  },
  { id: 'on', header: columns.on, cell: (rule) => <OnSwitch rule={rule} /> },
  { id: 'operations', header: columns.operations, cell: (rule) => <Operations rule={rule} /> },
  { id: 'finding', header: columns.finding, cell: (rule) => <Finding rule={rule} /> },
];

export function RulesList({
  rows,
  selected,
  onSelect,
}: {
  readonly rows: readonly RuleRow[];
  readonly selected: ReadonlySet<string>;
  readonly onSelect: (selected: ReadonlySet<string>) => void;
}): ReactNode {
  const navigate = useNavigate();
  const { mayRemove } = useRuleActions();
  const isPhone = usePhone();
  const { mayWrite, turn } = useRuleActions();
  const open = useDrawerOpener();
  const edit = ({ id }: RuleRow): void => void navigate(`/rules/edit/${encodeURIComponent(id)}`);
  const onFocused = (act: (rule: RuleRow) => void): void => {
    const place = document.activeElement?.closest<HTMLElement>('tr[data-index]')?.dataset['index'];
    const rule = place === undefined ? undefined : rows[Number(place)];
    if (rule !== undefined) act(rule);
  };
  useKeys(
    [
      { keys: 'e', says: texts.keys.edit, run: () => onFocused(edit) },
      {
        keys: 's',
        says: texts.keys.shadow,
        run: () =>
          onFocused((rule) => {
            if (rule.mode === 'shadow') open(`/rules/shadow/${encodeURIComponent(rule.id)}`);
            else if (mayRemove || !isDefault(rule)) void turn(rule, 'shadow');
          }),
      },
    ],
    mayWrite,
  );
  return (
    <div className="rules-list">
      <DataTable
        name={texts.list}
        columns={COLUMNS}
        rows={rows}
        keyOf={({ id }) => id}
        nameOf={ruleName}
        phone={(rule) => ({
          title: <Name rule={rule} />,
          aside: <Day rule={rule} />,
          detail: (
            <span className="rules-phone">
              <ActionOf rule={rule} />
              <span>
                <span className="mono">{limitsOf(rule)}</span> · {appliesTo(rule, rule.names)} ·{' '}
                {texts.per[rule.countPer]}
              </span>
            </span>
          ),
          actions: (
            <span className="rules-phone-actions">
              <OnSwitch rule={rule} />
              <Operations rule={rule} />
            </span>
          ),
        })}
        onOpen={edit}
        {...(mayRemove && !isPhone ? { selected, onSelect } : {})}
        empty={<Empty>{texts.noRules}</Empty>}
      />
    </div>
  );
}
