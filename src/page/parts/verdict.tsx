/** Verdicts as the page shows them everywhere: icon and word and colour, never colour alone. */
import { IconBan, IconBellRinging, IconCheck, IconEye, IconHandStop, IconHourglass } from '@tabler/icons-react';
import type { ComponentType, ReactNode } from 'react';
import type { VerdictName } from '../../policy/actions/action.ts';
import { verdictTexts } from '../texts/verdicts.ts';

const ICONS: Readonly<Record<VerdictName, ComponentType<{ size?: number; stroke?: number }>>> = {
  allow: IconCheck,
  alert: IconBellRinging,
  wait: IconHourglass,
  hold: IconHandStop,
  block: IconBan,
};

/** @param props.isShadow what a rule would have done: outlined, with an eye */
export function Verdict({
  verdict,
  isShadow = false,
  word,
}: {
  readonly verdict: VerdictName;
  readonly isShadow?: boolean;
  /** In place of the verdict's own. */
  readonly word?: string;
}): ReactNode {
  const Icon = isShadow ? IconEye : ICONS[verdict];
  return (
    <span className="verdict" data-verdict={verdict} data-shadow={isShadow || undefined}>
      <Icon size={16} stroke={1.75} aria-hidden />
      {word ?? (isShadow ? verdictTexts.would[verdict] : verdictTexts.does[verdict])}
    </span>
  );
}
