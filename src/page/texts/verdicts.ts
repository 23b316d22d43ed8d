/** Words of the five verdicts. */
export const verdictTexts = {
  does: { allow: 'Allow', alert: 'Alert', wait: 'Wait', hold: 'Hold', block: 'Block' },
  would: {
    allow: 'would allow',
    alert: 'would alert',
    wait: 'would wait',
    hold: 'would hold',
    block: 'would block',
  },
} as const;
