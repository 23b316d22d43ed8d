/**
 * The upper steps of the ladder. B: a small question at the button, with the consequence in numbers and the focus on Cancel.
 * C: a dialog in which a name has to be typed. D: what may cut somebody off undoes itself unless it is kept.
 */
import { Button, type ButtonProps, Popover, TextInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { useLiveState } from '../api/live.tsx';
import { partTexts } from '../texts/frame.ts';
import { useAction } from './action.ts';
import { Dialog } from './dialog.tsx';
import { formatCountdown } from './format.ts';
import { ErrorText } from './states.tsx';
import { useNow } from './time.tsx';

/** Step B. */
export function ConfirmButton({
  children,
  consequence,
  confirms,
  onConfirm,
  ...button
}: Omit<ButtonProps, 'children'> & {
  readonly children: ReactNode;
  /** Of a button that is disabled: who may. */
  readonly title?: string | undefined;
  /** What happens then, in numbers. */
  readonly consequence: ReactNode;
  /** The verb with its object: `Unblock 2`. */
  readonly confirms: string;
  readonly onConfirm: () => Promise<unknown>;
}): ReactNode {
  const [isOpen, setOpen] = useState(false);
  const { isRunning, error, run, forget } = useAction();
  const close = (): void => {
    setOpen(false);
    forget();
  };
  return (
    <Popover opened={isOpen} onChange={(open) => (open ? setOpen(true) : close())} trapFocus returnFocus withArrow>
      <Popover.Target>
        <Button {...button} onClick={() => setOpen(true)}>
          {children}
        </Button>
      </Popover.Target>
      <Popover.Dropdown className="confirm">
        <div className="confirm-text">{consequence}</div>
        {error !== undefined && <ErrorText error={error} />}
        <div className="row end">
          <Button data-autofocus onClick={close}>
            {partTexts.cancel}
          </Button>
          <Button
            variant="filled"
            color="danger"
            loading={isRunning}
            onClick={() => void run(onConfirm).then((isDone) => isDone && close())}
          >
            {confirms}
          </Button>
        </div>
      </Popover.Dropdown>
    </Popover>
  );
}

/** Step C. @param props.name what has to be typed: the name of the box, mostly */
export function TypedConfirm({
  title,
  name,
  confirms,
  onConfirm,
  onClose,
  children,
}: {
  readonly title: string;
  readonly name: string;
  readonly confirms: string;
  readonly onConfirm: () => Promise<unknown>;
  readonly onClose: () => void;
  readonly children: ReactNode;
}): ReactNode {
  const [typed, setTyped] = useState('');
  const { isRunning, error, run } = useAction();
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (typed.trim() === name) void run(onConfirm).then((isDone) => isDone && onClose());
        }}
      >
        {children}
        <TextInput
          label={partTexts.typeToGoOn(name)}
          value={typed}
          autoComplete="off"
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
        {error !== undefined && <ErrorText error={error} />}
        <div className="row end">
          <Button data-autofocus onClick={onClose}>
            {partTexts.cancel}
          </Button>
          <Button type="submit" variant="filled" color="danger" loading={isRunning} disabled={typed.trim() !== name}>
            {confirms}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** Step D: the change is in force, and goes by itself unless somebody keeps it. */
export function KeepOrUndo({
  revertsAt,
  onKeep,
  onPutBack,
  children,
}: {
  /** ISO 8601, by the daemon's clock. */
  readonly revertsAt: string;
  readonly onKeep: () => Promise<unknown>;
  readonly onPutBack: () => Promise<unknown>;
  /** What changed, and what was lost by it. */
  readonly children: ReactNode;
}): ReactNode {
  const now = useNow();
  const { state } = useLiveState();
  const { isRunning, error, run } = useAction();
  return (
    <div className="keep-or-undo" role="status">
      <div>
        {children}{' '}
        <strong className="number" data-live={state.word}>
          {partTexts.backIn(formatCountdown(Date.parse(revertsAt) - now))}
        </strong>
        {error !== undefined && <ErrorText error={error} />}
      </div>
      <div className="row">
        <Button loading={isRunning} onClick={() => void run(onPutBack)}>
          {partTexts.putBack}
        </Button>
        <Button variant="filled" loading={isRunning} onClick={() => void run(onKeep)}>
          {partTexts.keep}
        </Button>
      </div>
    </div>
  );
}
