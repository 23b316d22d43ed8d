/**
 * The one table of the page. Desktop: one line a row, sticky head, first column pinned, columns that can be hidden. Below
 * 768 px each row is a list item of two lines. Over 200 rows only those on the screen are in the document. Next rows come by
 * cursor, with a button: there are no page numbers.
 *
 * Keys: `j` `k` move, `Enter` opens, `x` or Space selects, with Shift all from the one that was selected last. It never moves the focus by itself.
 */
import { Button, Checkbox, Menu } from '@mantine/core';
import { IconColumns3 } from '@tabler/icons-react';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useRef, useState } from 'react';
import type { Pages } from '../api/queries.ts';
import { useDeviceChoice } from '../frame/device.ts';
import { useKeys } from '../frame/keys.tsx';
import { usePhone } from '../frame/phone.ts';
import { partTexts } from '../texts/frame.ts';
import { toggled, withRange } from './row-range.ts';
import { Failed, Loading } from './states.tsx';
import { useZoneName } from './time.tsx';

export interface Column<Row> {
  readonly id: string;
  readonly header: string;
  readonly cell: (row: Row) => ReactNode;
  /** Right-aligned, figures below each other. */
  readonly isNumber?: boolean;
  /** The first column cannot be hidden; others can, and some are at first. */
  readonly isHiddenAtFirst?: boolean;
}

/** A row below 768 px. */
export interface PhoneRow {
  readonly title: ReactNode;
  /** At the end of the first line: a time, mostly. */
  readonly aside?: ReactNode;
  readonly detail?: ReactNode;
  /** Below both: buttons. */
  readonly actions?: ReactNode;
}

export interface TableProps<Row> {
  /** What is listed; names the scroller for screen readers, and what was chosen for this device. */
  readonly name: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  /** For screen readers: which row this is. */
  readonly nameOf: (row: Row) => string;
  readonly phone: (row: Row) => PhoneRow;
  readonly onOpen?: (row: Row) => void;
  /** Key of the row whose drawer is open. */
  readonly opened?: string | undefined;
  readonly selected?: ReadonlySet<string>;
  readonly onSelect?: (selected: ReadonlySet<string>) => void;
  readonly pages?: Omit<Pages<Row>, 'rows'>;
  readonly empty: ReactNode;
}

const VIRTUAL_OVER = 200;

export function DataTable<Row>(props: TableProps<Row>): ReactNode {
  const { rows, pages, empty } = props;
  const isPhone = usePhone();
  const zone = useZoneName();
  if (rows.length === 0) {
    if (pages?.error != null) return <Failed error={pages.error} retry={pages.retry} />;
    if (pages?.isLoading === true) return <Loading rows={8} height={28} />;
    return empty;
  }
  return (
    <div className="table-part">
      <div className="busy-bar" data-busy={pages?.isRefreshing || undefined} />
      {pages?.error != null && <Failed error={pages.error} retry={pages.retry} />}
      {isPhone ? <PhoneList {...props} /> : <DesktopTable {...props} />}
      <div className="table-foot">
        <span className="muted number">
          {partTexts.rowsShown(rows.length)} · {partTexts.timesIn(zone)}
        </span>
        {pages?.more.isThere === true && (
          <Button loading={pages.more.isLoading} onClick={pages.more.load}>
            {partTexts.loadMore}
          </Button>
        )}
      </div>
    </div>
  );
}

function useCursor<Row>({ rows, keyOf, onSelect }: TableProps<Row>, choose: Choose, show: (index: number) => void) {
  const [cursor, setShown] = useState<string>();
  // Two keys may come before the first is painted.
  const latest = useRef<string>(undefined);
  const setCursor = (key: string): void => {
    latest.current = key;
    setShown(key);
  };
  const move = (by: number): void => {
    const index = rows.findIndex((row) => keyOf(row) === latest.current);
    const next = Math.max(0, Math.min(rows.length - 1, index < 0 ? 0 : index + by));
    const row = rows[next];
    if (row === undefined) return;
    setCursor(keyOf(row));
    show(next);
  };
  const at = rows.find((row) => keyOf(row) === cursor);
  useKeys([
    { keys: 'j', says: partTexts.nextRow, run: () => move(1) },
    { keys: 'k', says: partTexts.previousRow, run: () => move(-1) },
    ...(onSelect !== undefined
      ? [
          { keys: 'x', says: partTexts.selectThisRow, run: () => at !== undefined && choose(keyOf(at), false) },
          { keys: 'shift+x', says: partTexts.selectUpToRow, run: () => at !== undefined && choose(keyOf(at), true) },
        ]
      : []),
  ]);
  return { cursor, setCursor };
}

/** Chooses rows: one, or with Shift all from the one that was chosen last. */
function useChoice<Row>({ rows, keyOf, selected, onSelect }: TableProps<Row>) {
  const last = useRef<string>(undefined);
  return (key: string, isRange: boolean): void => {
    if (onSelect === undefined) return;
    const isOn = selected?.has(key) !== true;
    const from = last.current;
    last.current = key;
    onSelect(isRange ? withRange(selected, rows.map(keyOf), { from, to: key, isOn: true }) : toggled(selected, key));
    // What was taken out is no place to begin from.
    if (!isRange && !isOn) last.current = undefined;
  };
}
type Choose = ReturnType<typeof useChoice>;

function DesktopTable<Row>(props: TableProps<Row>): ReactNode {
  const { name, columns, rows, keyOf, nameOf, onOpen, opened, selected, onSelect } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [density, setDensity] = useDeviceChoice('density', 'usual');
  const [hidden, setHidden] = useHidden(name, columns);
  const shown = columns.filter(({ id }) => !hidden.has(id));
  const isVirtual = rows.length > VIRTUAL_OVER;
  const height = density === 'compact' ? 30 : 36;
  const virtual = useVirtualizer({
    count: rows.length,
    enabled: isVirtual,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    overscan: 20,
  });
  const show = (index: number): void => {
    const rowAt = (): HTMLElement | null | undefined =>
      scroller.current?.querySelector<HTMLElement>(`[data-index="${index}"]`);
    // At once, so that Enter right after it opens this one; a row that is not in the document yet comes with the scrolling.
    const row = rowAt();
    if (row != null) {
      row.focus();
      return;
    }
    virtual.scrollToIndex(index, { align: 'auto' });
    requestAnimationFrame(() => rowAt()?.focus());
  };
  const choose = useChoice(props);
  const { cursor, setCursor } = useCursor(props, choose, show);
  /** Whether Shift was held when Space was pressed: the change comes with the release. */
  const withShift = useRef(false);
  const items = isVirtual ? virtual.getVirtualItems().map(({ index }) => index) : rows.map((_, index) => index);
  const before = isVirtual ? (virtual.getVirtualItems()[0]?.start ?? 0) : 0;
  const after = isVirtual ? virtual.getTotalSize() - (virtual.getVirtualItems().at(-1)?.end ?? 0) : 0;
  const width = shown.length + (onSelect === undefined ? 0 : 1);
  const [first] = shown;
  return (
    <div className="table-frame">
      <div className="table-tools">
        <ColumnMenu columns={columns} hidden={hidden} onChange={setHidden} density={density} onDensity={setDensity} />
      </div>
      <section
        className="table-scroller"
        aria-label={name}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scroller has to be reached by keyboard (WCAG 2.1.1)
        tabIndex={0}
        ref={scroller}
        data-virtual={isVirtual || undefined}
      >
        <table className="table" data-density={density} aria-rowcount={isVirtual ? rows.length + 1 : undefined}>
          <thead>
            <tr>
              {onSelect !== undefined && (
                <td className="select-cell">
                  <Checkbox
                    size="xs"
                    aria-label={partTexts.selectAll}
                    checked={selected?.size === rows.length}
                    indeterminate={selected !== undefined && selected.size > 0 && selected.size < rows.length}
                    onChange={() => onSelect(selected?.size === rows.length ? new Set() : new Set(rows.map(keyOf)))}
                  />
                </td>
              )}
              {shown.map(({ id, header, isNumber }) => (
                <th key={id} scope="col" data-number={isNumber || undefined}>
                  {header}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {before > 0 && (
              <tr aria-hidden>
                <td colSpan={width} style={{ height: before, padding: 0 }} />
              </tr>
            )}
            {items.map((index) => {
              const row = rows[index];
              if (row === undefined) return null;
              const key = keyOf(row);
              return (
                <tr
                  key={key}
                  data-index={index}
                  data-opened={opened === key || undefined}
                  data-cursor={cursor === key || undefined}
                  data-selected={selected?.has(key) || undefined}
                  data-opens={onOpen !== undefined || undefined}
                  aria-rowindex={isVirtual ? index + 2 : undefined}
                  tabIndex={-1}
                  onClick={(event) => {
                    if (onOpen === undefined || isControl(event.target)) return;
                    setCursor(key);
                    onOpen(row);
                  }}
                  onKeyDown={(event) => {
                    if (event.key === 'Enter' && event.target === event.currentTarget) onOpen?.(row);
                    if (event.key !== ' ') return;
                    withShift.current = event.shiftKey;
                    if (event.target !== event.currentTarget || onSelect === undefined) return;
                    event.preventDefault();
                    choose(key, event.shiftKey);
                  }}
                >
                  {onSelect !== undefined && (
                    <td className="select-cell">
                      <Checkbox
                        size="xs"
                        aria-label={partTexts.selectRow(nameOf(row))}
                        checked={selected?.has(key) ?? false}
                        onMouseDown={(event) => {
                          // Or the text from there to here would be selected.
                          if (event.shiftKey) event.preventDefault();
                        }}
                        onClick={(event) => {
                          if (event.shiftKey) withShift.current = true;
                        }}
                        onChange={() => {
                          choose(key, withShift.current);
                          withShift.current = false;
                        }}
                      />
                    </td>
                  )}
                  {shown.map((column) =>
                    column === first ? (
                      <th key={column.id} scope="row" data-number={column.isNumber || undefined}>
                        {onOpen === undefined ? (
                          column.cell(row)
                        ) : (
                          <button type="button" className="row-opener" onClick={() => onOpen(row)}>
                            {column.cell(row)}
                          </button>
                        )}
                      </th>
                    ) : (
                      <td key={column.id} data-number={column.isNumber || undefined}>
                        {column.cell(row)}
                      </td>
                    ),
                  )}
                </tr>
              );
            })}
            {after > 0 && (
              <tr aria-hidden>
                <td colSpan={width} style={{ height: after, padding: 0 }} />
              </tr>
            )}
          </tbody>
        </table>
      </section>
    </div>
  );
}

const isControl = (target: EventTarget): boolean =>
  target instanceof Element && target.closest('a, button, input, label, [role="menuitem"]') !== null;

function PhoneList<Row>(props: TableProps<Row>): ReactNode {
  const { name, rows, keyOf, nameOf, phone, onOpen, opened, selected, onSelect } = props;
  return (
    <ul className="phone-list" aria-label={name}>
      {rows.map((row) => {
        const key = keyOf(row);
        const { title, aside, detail, actions } = phone(row);
        const lines = (
          <>
            <span className="phone-title">
              <span>{title}</span>
              {aside !== undefined && <span className="muted number">{aside}</span>}
            </span>
            {detail !== undefined && <span className="phone-detail">{detail}</span>}
          </>
        );
        return (
          <li key={key} data-opened={opened === key || undefined}>
            {onSelect !== undefined && (
              <Checkbox
                aria-label={partTexts.selectRow(nameOf(row))}
                checked={selected?.has(key) ?? false}
                onChange={() => onSelect(toggled(selected, key))}
              />
            )}
            {onOpen === undefined ? (
              <div className="phone-row">{lines}</div>
            ) : (
              <button type="button" className="phone-row" onClick={() => onOpen(row)}>
                {lines}
              </button>
            )}
            {actions !== undefined && <div className="phone-actions">{actions}</div>}
          </li>
        );
      })}
    </ul>
  );
}

function useHidden<Row>(
  name: string,
  columns: readonly Column<Row>[],
): readonly [ReadonlySet<string>, (hidden: ReadonlySet<string>) => void] {
  const atFirst = columns.filter(({ isHiddenAtFirst }) => isHiddenAtFirst === true).map(({ id }) => id);
  const [chosen, choose] = useDeviceChoice(`columns of ${name}`, atFirst.join(' '));
  return [new Set(chosen.split(' ')), (hidden) => choose([...hidden].join(' ').trim())];
}

function ColumnMenu<Row>({
  columns,
  hidden,
  onChange,
  density,
  onDensity,
}: {
  readonly columns: readonly Column<Row>[];
  readonly hidden: ReadonlySet<string>;
  readonly onChange: (hidden: ReadonlySet<string>) => void;
  readonly density: string;
  readonly onDensity: (density: string) => void;
}): ReactNode {
  return (
    <Menu position="bottom-end" closeOnItemClick={false} withinPortal={false}>
      <Menu.Target>
        <Button variant="subtle" size="compact-sm" leftSection={<IconColumns3 size={16} stroke={1.75} />}>
          {partTexts.columns}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {columns.slice(1).map(({ id, header }) => (
          <Menu.Item
            key={id}
            role="menuitemcheckbox"
            aria-checked={!hidden.has(id)}
            onClick={() => onChange(toggled(hidden, id))}
          >
            <Ticked isOn={!hidden.has(id)}>{header}</Ticked>
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item
          role="menuitemcheckbox"
          aria-checked={density === 'compact'}
          onClick={() => onDensity(density === 'compact' ? 'usual' : 'compact')}
        >
          <Ticked isOn={density === 'compact'}>{partTexts.density}</Ticked>
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

const Ticked = ({ isOn, children }: { readonly isOn: boolean; readonly children: ReactNode }): ReactNode => (
  <span className="ticked" data-on={isOn || undefined}>
    {children}
  </span>
);
