/** Whether something works. Green means that it does, here and nowhere else; it has its icon and its word. */
import { IconAlertTriangle, IconCircleCheck } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import './state.css';

export function State({ isUp, children }: { readonly isUp: boolean; readonly children: ReactNode }): ReactNode {
  const Icon = isUp ? IconCircleCheck : IconAlertTriangle;
  return (
    <span className="health-state" data-up={isUp || undefined}>
      <Icon size={16} stroke={1.75} aria-hidden />
      {children}
    </span>
  );
}
