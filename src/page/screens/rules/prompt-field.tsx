/** The announcement that a refused caller hears. Those that come with Tollgate can be heard here as well. */
import { Autocomplete, Button } from '@mantine/core';
import { IconPlayerPlay, IconPlayerStop } from '@tabler/icons-react';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import type { PromptAnswer } from '../../../api/prompts-routes.ts';
import { useApi } from '../../api/queries.ts';
import { sayProblem } from '../../parts/undo.tsx';
import { rulesTexts } from '../../texts/rules.ts';

const texts = rulesTexts.form;
/** Of a rule that names none. */
const USUAL = 'tollgate-limit';

export function PromptField({
  value,
  error,
  onChange,
}: {
  readonly value: string;
  readonly error: string | undefined;
  readonly onChange: (prompt: string) => void;
}): ReactNode {
  const shipped = useApi<readonly PromptAnswer[]>('prompts').data ?? [];
  const meant = value === '' ? USUAL : value;
  const isShipped = shipped.some(({ name }) => name === meant);
  return (
    <div className="prompt-field">
      <Autocomplete
        label={texts.prompt}
        description={texts.promptHelp}
        value={value}
        placeholder={USUAL}
        error={error}
        data={[...shipped.map(({ name }) => name), 'none']}
        comboboxProps={{ withinPortal: false }}
        onChange={onChange}
      />
      <Play key={meant} name={isShipped ? meant : undefined} />
    </div>
  );
}

/** @param name undefined: it is on Asterisk alone, if anywhere */
function Play({ name }: { readonly name: string | undefined }): ReactNode {
  const sounding = useRef<AudioContext>(null);
  const [isPlaying, setPlaying] = useState(false);
  const stop = (): void => {
    void sounding.current?.close();
    sounding.current = null;
    setPlaying(false);
  };
  useEffect(() => () => void sounding.current?.close(), []);
  // Decoded by hand: the page's policy lets nothing be loaded as media.
  const play = async (): Promise<void> => {
    const context = new AudioContext();
    sounding.current = context;
    setPlaying(true);
    try {
      const answer = await fetch(`/api/v1/prompts/${encodeURIComponent(name ?? '')}`);
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      const source = context.createBufferSource();
      source.buffer = await context.decodeAudioData(await answer.arrayBuffer());
      source.connect(context.destination);
      source.onended = () => sounding.current === context && stop();
      source.start();
    } catch (error) {
      // Who stops it while it is fetched wants to hear nothing, of its failure neither.
      if (sounding.current !== context) return;
      stop();
      sayProblem(texts.notPlayed(error instanceof Error ? error.message : String(error)));
    }
  };
  const Icon = isPlaying ? IconPlayerStop : IconPlayerPlay;
  return (
    <Button
      disabled={name === undefined}
      title={name === undefined ? texts.notShipped : undefined}
      leftSection={<Icon size={16} stroke={1.75} aria-hidden />}
      onClick={isPlaying ? stop : () => void play()}
    >
      {isPlaying ? texts.stop : texts.play}
    </Button>
  );
}
