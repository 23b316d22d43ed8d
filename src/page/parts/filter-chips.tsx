/** Filters in force, as chips that can be taken away, and a menu of those that can be added. */
import { Button, CloseButton, Menu } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { type ReactNode, useState } from 'react';
import { partTexts } from '../texts/frame.ts';
import { SearchField } from './search-field.tsx';

export interface Filter<Name extends string> {
  readonly name: Name;
  /** `verdict`, `extension`: before the colon of its chip. */
  readonly label: string;
  /** Values to choose from; absent: any text. */
  readonly values?: readonly { readonly value: string; readonly label: string }[];
}

export function FilterChips<Name extends string>({
  filters,
  values,
  onChange,
}: {
  readonly filters: readonly Filter<Name>[];
  readonly values: Readonly<Partial<Record<Name, string>>>;
  readonly onChange: (changes: Readonly<Partial<Record<Name, string>>>) => void;
}): ReactNode {
  const [typing, setTyping] = useState<Filter<Name>>();
  const change = (name: Name, value: string | undefined): void => {
    setTyping(undefined);
    onChange({ [name]: value } as Partial<Record<Name, string>>);
  };
  const inForce = filters.filter(({ name }) => values[name] !== undefined);
  return (
    <div className="chips">
      {inForce.map(({ name, label, values: known }) => {
        const value = values[name] ?? '';
        const word = known?.find((each) => each.value === value)?.label ?? value;
        return (
          <span key={name} className="chip">
            {label}: <strong>{word}</strong>
            <CloseButton size="sm" aria-label={partTexts.removeFilter(label)} onClick={() => change(name, undefined)} />
          </span>
        );
      })}
      {typing !== undefined && (
        <SearchField
          label={typing.label}
          isFocused
          value=""
          onSearch={(text) => (text === '' ? setTyping(undefined) : change(typing.name, text))}
        />
      )}
      <Menu position="bottom-start" withinPortal={false}>
        <Menu.Target>
          <Button variant="subtle" size="compact-sm" leftSection={<IconPlus size={16} stroke={1.75} />}>
            {partTexts.addFilter}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {filters.map((filter) =>
            filter.values === undefined ? (
              <Menu.Item key={filter.name} onClick={() => setTyping(filter)}>
                {filter.label}…
              </Menu.Item>
            ) : (
              filter.values.map(({ value, label }) => (
                <Menu.Item key={`${filter.name} ${value}`} onClick={() => change(filter.name, value)}>
                  {filter.label}: {label}
                </Menu.Item>
              ))
            ),
          )}
        </Menu.Dropdown>
      </Menu>
      {inForce.length > 1 && (
        <Button
          variant="subtle"
          size="compact-sm"
          onClick={() =>
            onChange(Object.fromEntries(inForce.map(({ name }) => [name, undefined])) as Partial<Record<Name, string>>)
          }
        >
          {partTexts.clearFilters}
        </Button>
      )}
    </div>
  );
}
