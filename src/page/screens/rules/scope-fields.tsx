/** Whom a rule is for: kinds joined by AND, inside of a kind any one is enough. */
import { Button, CloseButton, Menu, MultiSelect, NativeSelect, TagsInput } from '@mantine/core';
import type { ReactNode } from 'react';
import type { ExtensionsAnswer } from '../../../api/extension-overview-routes.ts';
import type { PolicyDocument, RuleDocument } from '../../../policy/document.ts';
import { useApi } from '../../api/queries.ts';
import { rulesTexts } from '../../texts/rules.ts';

const texts = rulesTexts.form;
type Scope = Exclude<RuleDocument['appliesTo'], 'all'>;
type Kind = keyof typeof texts.kinds;
const KINDS = Object.keys(texts.kinds) as readonly Kind[];
/** The classes of the daemon; own lists and countries come beside them. */
export const CLASSES = [
  'national',
  'international',
  'mobile',
  'premium',
  'satellite',
  'tollfree',
  'shortcode',
  'internal',
  'unknown',
];
const DIALLED_BY = ['manual', 'predictive', 'three-way', 'transfer', 'override', 'direct', 'other'];

export function ScopeFields({
  scope,
  onChange,
  document,
  readOnly,
}: {
  readonly scope: RuleDocument['appliesTo'];
  readonly onChange: (scope: RuleDocument['appliesTo']) => void;
  readonly document: PolicyDocument;
  readonly readOnly: boolean;
}): ReactNode {
  const named: Scope = scope === 'all' ? {} : scope;
  const kinds = KINDS.filter((kind) => named[kind] !== undefined);
  const [first, ...rest] = kinds;
  const put = (kind: Kind, values: readonly string[]): void => onChange({ ...named, [kind]: values } as Scope);
  const takeOut = (kind: Kind): void => {
    const left = Object.fromEntries(Object.entries(named).filter(([name]) => name !== kind));
    onChange(Object.keys(left).length === 0 ? 'all' : left);
  };
  const change = (value: string): void => {
    if (value === 'all') {
      onChange('all');
      return;
    }
    const kept = Object.fromEntries(Object.entries(named).filter(([name]) => name !== first && name !== value));
    onChange({ [value]: [], ...kept } as Scope);
  };
  const free = KINDS.filter((kind) => !kinds.includes(kind));
  return (
    <fieldset className="rule-part" disabled={readOnly}>
      <legend>{texts.appliesTo}</legend>
      <div className="scope-row">
        <NativeSelect
          aria-label={texts.appliesTo}
          value={first ?? 'all'}
          data={[
            { value: 'all', label: texts.all },
            ...KINDS.map((kind) => ({ value: kind, label: texts.kinds[kind] })),
          ]}
          onChange={(event) => change(event.currentTarget.value)}
        />
        {first !== undefined && (
          <Values
            kind={first}
            values={named[first] ?? []}
            onChange={(values) => put(first, values)}
            document={document}
          />
        )}
      </div>
      {rest.map((kind) => (
        <div key={kind} className="scope-row">
          <span className="scope-and">
            <strong>{texts.and}</strong> {texts.kinds[kind]}
          </span>
          <Values kind={kind} values={named[kind] ?? []} onChange={(values) => put(kind, values)} document={document} />
          <CloseButton aria-label={texts.takeOut(texts.kinds[kind])} onClick={() => takeOut(kind)} />
        </div>
      ))}
      {first !== undefined && (
        <div className="row">
          <Menu withinPortal={false} position="bottom-start">
            <Menu.Target>
              <Button size="compact-sm">{texts.addKind}</Button>
            </Menu.Target>
            <Menu.Dropdown>
              {free.map((kind) => (
                <Menu.Item key={kind} onClick={() => put(kind, [])}>
                  {texts.kinds[kind]}
                </Menu.Item>
              ))}
            </Menu.Dropdown>
          </Menu>
          <span className="muted small">{texts.or}</span>
        </div>
      )}
    </fieldset>
  );
}

const INSIDE = { withinPortal: false } as const;

function Values({
  kind,
  values,
  onChange,
  document,
}: {
  readonly kind: Kind;
  readonly values: readonly string[];
  readonly onChange: (values: readonly string[]) => void;
  readonly document: PolicyDocument;
}): ReactNode {
  const known = useApi<ExtensionsAnswer>(kind === 'extensions' ? 'policy/extensions' : undefined).data;
  const name = texts.kinds[kind];
  const shared = { 'aria-label': name, value: [...values], onChange, className: 'scope-values', comboboxProps: INSIDE };
  if (kind === 'groups' || kind === 'trunks')
    return (
      <MultiSelect
        {...shared}
        searchable
        data={Object.entries(document[kind]).map(([value, { name: label }]) => ({ value, label: label ?? value }))}
      />
    );
  if (kind === 'kinds') return <MultiSelect {...shared} data={DIALLED_BY} />;
  const offered = {
    extensions: (known?.extensions ?? []).map(({ number }) => number),
    destinations: [...Object.keys(document.destinations), ...CLASSES],
    campaigns: [],
    permissions: [...new Set(Object.values(document.extensions).flatMap(({ permissions }) => permissions ?? []))],
  };
  return (
    <TagsInput
      {...shared}
      description={texts.kindHelp[kind]}
      data={offered[kind]}
      limit={50}
      splitChars={[',', ';', ' ']}
      acceptValueOnBlur
    />
  );
}
