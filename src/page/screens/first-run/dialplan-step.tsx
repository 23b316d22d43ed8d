/** The lines that make the dialplan ask, for the three kinds of systems there are. */
import { NativeSelect, SegmentedControl } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { useApi } from '../../api/queries.ts';
import { firstRunTexts as texts } from '../../texts/account.ts';
import { Lines } from './asterisk-step.tsx';

type Kind = keyof typeof texts.kinds;
const KINDS = Object.entries(texts.kinds).map(([value, label]) => ({ value, label }));
const GLOBALS = '#include tollgate-globals.conf';
const RELOAD = 'asterisk -rx "dialplan reload"';

export function DialplanStep(): ReactNode {
  const { data: trunks = [] } = useApi<readonly { readonly id: string }[]>('trunks');
  const [kind, setKind] = useState<Kind>('plain');
  const [trunk, setTrunk] = useState('');
  const names = trunks.length === 0 ? ['carrier-a'] : trunks.map(({ id }) => id);
  const name = trunk === '' ? (names[0] ?? '') : trunk;
  return (
    <div className="stack">
      <p>{texts.dialplanText}</p>
      <SegmentedControl
        className="first-run-field"
        value={kind}
        onChange={(chosen) => setKind(chosen === 'freepbx' || chosen === 'vicidial' ? chosen : 'plain')}
        data={KINDS}
      />
      {kind !== 'freepbx' && (
        <NativeSelect
          className="first-run-field"
          label={texts.trunk}
          value={name}
          onChange={(event) => setTrunk(event.currentTarget.value)}
          data={names}
        />
      )}
      {kind === 'plain' && (
        <>
          <Lines title={texts.globals} text={GLOBALS} />
          <Lines title={texts.includes} text="#include tollgate.conf" />
          <Lines title={texts.before} text={`same => n,Gosub(tollgate,gate,1(\${EXTEN},${name}))`} />
          <Lines title={texts.reload} text={RELOAD} />
        </>
      )}
      {kind === 'freepbx' && (
        <>
          <p>{texts.freepbxText}</p>
          <Lines title="globals_custom.conf" text={GLOBALS} />
          <Lines title="extensions_custom.conf" text={'#include tollgate.conf\n#include tollgate-freepbx.conf'} />
          <Lines title={texts.reload} text="fwconsole reload" />
        </>
      )}
      {kind === 'vicidial' && (
        <>
          <p>{texts.vicidialText}</p>
          <Lines title={texts.globals} text={GLOBALS} />
          <Lines title={texts.includes} text={'#include tollgate.conf\n#include tollgate-vicidial.conf'} />
          <Lines
            title={texts.before}
            text={`exten => _91NXXNXXXXXX,n,Gosub(tollgate-vicidial,gate,1(\${EXTEN:1},${name}))`}
          />
          <Lines title={texts.reload} text={RELOAD} />
        </>
      )}
      <p className="muted">{texts.takeOut}</p>
    </div>
  );
}
