/** Replay: how the calls of a file are decided again. It reads files of the machine, so it is a command there. */
import type { ReactNode } from 'react';
import { Copyable } from '../../parts/copy-button.tsx';
import { rulesTexts } from '../../texts/rules.ts';

const texts = rulesTexts.replay;

export const Replay = (): ReactNode => (
  <section className="panel stack">
    <h2>{texts.title}</h2>
    <p>{texts.text}</p>
    <h3 className="rules-h3">{texts.saved}</h3>
    <Copyable label={texts.saved} text="tollgate simulate /var/log/asterisk/cdr-csv/Master.csv" />
    <h3 className="rules-h3">{texts.edited}</h3>
    <Copyable
      label={texts.edited}
      text="tollgate simulate /var/log/asterisk/cdr-csv/Master.csv --policy proposed.yaml"
    />
    <p className="muted">{texts.help}</p>
  </section>
);
