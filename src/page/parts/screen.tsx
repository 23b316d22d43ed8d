/** The head of every screen: heading, one line of purpose, buttons. Takes the focus when the screen is entered. */
import { type ReactNode, useEffect, useRef } from 'react';
import { useLocation } from 'react-router';
import { setTabTitle } from '../frame/tab-title.ts';

export function Screen({
  title,
  purpose,
  actions,
  tabTitle = title,
  children,
}: {
  readonly title: string;
  readonly purpose?: ReactNode;
  readonly actions?: ReactNode;
  /** Of the browser's tab, where it says more than the heading. */
  readonly tabTitle?: string;
  readonly children: ReactNode;
}): ReactNode {
  const heading = useRef<HTMLHeadingElement>(null);
  const { state } = useLocation();
  // Going somewhere moves the focus to its heading; changing a filter or opening a drawer does not come here.
  useEffect(() => {
    const keepsFocus = typeof state === 'object' && state !== null && 'keepsFocus' in state;
    if (!keepsFocus) heading.current?.focus({ preventScroll: true });
  }, [state]);
  useEffect(() => setTabTitle(tabTitle), [tabTitle]);
  return (
    <div className="screen">
      <header className="screen-head">
        <div>
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
          {purpose !== undefined && <p className="muted">{purpose}</p>}
        </div>
        {actions !== undefined && <div className="row screen-actions">{actions}</div>}
      </header>
      {children}
    </div>
  );
}
