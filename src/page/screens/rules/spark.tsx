/** A few bars beside a number, which says what matters; they say nothing to screen readers. */
import type { ReactNode } from 'react';

export function Spark({ values }: { readonly values: readonly number[] }): ReactNode {
  const most = Math.max(1, ...values);
  return (
    <svg className="spark" viewBox={`0 0 ${values.length * 3} 16`} width={values.length * 3} height={16} aria-hidden>
      {values.map((value, at) => {
        const height = value === 0 ? 1 : Math.max(2, (value / most) * 16);
        // biome-ignore lint/suspicious/noArrayIndexKey: a place in time is what a bar is
        return <rect key={at} x={at * 3} y={16 - height} width={2} height={height} />;
      })}
    </svg>
  );
}
