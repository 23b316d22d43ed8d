/** A QR code, dark on light in both schemes, because readers want it so. */
import type { ReactNode } from 'react';

const QUIET = 4;

/** @param props.rows of `1` (dark) and `0` */
export function QrCode({ rows, label }: { readonly rows: readonly string[]; readonly label: string }): ReactNode {
  const size = rows.length + 2 * QUIET;
  const path = rows
    .flatMap((row, y) => [...row].map((cell, x) => (cell === '1' ? `M${x + QUIET} ${y + QUIET}h1v1h-1z` : '')))
    .join('');
  return (
    <svg className="qr-code" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label} shapeRendering="crispEdges">
      <title>{label}</title>
      <path d={path} />
    </svg>
  );
}
