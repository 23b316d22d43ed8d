/**
 * The one sound of the page: two soft notes, half a second, made here and not fetched.
 *
 * Browsers let a page sound only after somebody touched it; until then it says that it waits for that.
 */

const NOTES: readonly (readonly [startS: number, hertz: number])[] = [
  [0, 659],
  [0.22, 880],
];
const NOTE_S = 0.3;
const LOUDNESS = 0.18;

let context: AudioContext | undefined;

/** To be called from a tap or key. */
export async function unlockSound(): Promise<boolean> {
  context ??= new AudioContext();
  if (context.state === 'suspended') await context.resume().catch(() => undefined);
  return context.state === 'running';
}

export const isSoundUnlocked = (): boolean => context?.state === 'running';

/** Says nothing where it may not. */
export function ring(): void {
  if (context === undefined || context.state !== 'running') return;
  for (const [startS, hertz] of NOTES) {
    const start = context.currentTime + startS;
    const tone = new OscillatorNode(context, { type: 'sine', frequency: hertz });
    const loudness = new GainNode(context, { gain: 0 });
    loudness.gain.linearRampToValueAtTime(LOUDNESS, start + 0.02);
    loudness.gain.exponentialRampToValueAtTime(0.001, start + NOTE_S);
    tone.connect(loudness).connect(context.destination);
    tone.start(start);
    tone.stop(start + NOTE_S);
  }
}
