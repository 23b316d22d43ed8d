/**
 * The upper steps of the ladder. B: a small question at the button, with the consequence in numbers and the focus on Cancel.
 * C: a dialog in which a name has to be typed. D: what may cut somebody off undoes itself unless it is kept.
 */
import { Button, type ButtonProps, Popover, TextInput } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { type ReactNode, useEffect, useRef, useState } from 'react';
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
  title,
  revertsAt,
  onKeep,
  onPutBack,
  children,
}: {
  /** What is in force. */
  readonly title: string;
  /** ISO 8601, by the daemon's clock. */
  readonly revertsAt: string;
  readonly onKeep: () => Promise<unknown>;
  readonly onPutBack: () => Promise<unknown>;
  /** Who still gets through, and what was lost by it. */
  readonly children: ReactNode;
}): ReactNode {
  const now = useNow();
  const { isRunning, error, run } = useAction();
  const panel = useRef<HTMLElement>(null);
  // On a phone the button that began it is further down.
  useEffect(() => {
    // New browsers answer with a promise, which is no way to end an effect.
    void panel.current?.scrollIntoView({ block: 'nearest' });
  }, []);
  return (
    <section className="keep-or-undo" aria-label={partTexts.notKept} ref={panel}>
      <div className="keep-or-undo-head">
        <div>
          <IconAlertTriangle size={20} stroke={1.75} aria-hidden />
          <strong>{title}</strong>
          <strong className="number" role="timer">
            {partTexts.backIn(formatCountdown(Date.parse(revertsAt) - now))}
          </strong>
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
      {children}
      {error !== undefined && <ErrorText error={error} />}
    </section>
  );
}
