/** Whether the manager interface and ARI of each Asterisk work, and the lines that make them work. */
import type { ReactNode } from 'react';
import type { Status } from '../../../status.ts';
import { useApi } from '../../api/queries.ts';
import { Copyable } from '../../parts/copy-button.tsx';
import { sentence } from '../../parts/format.ts';
import { Shown } from '../../parts/states.tsx';
import { firstRunTexts as texts } from '../../texts/account.ts';
import { State } from '../health/state.tsx';

const MANAGER = `[tollgate]
secret = A-LONG-PASSWORD
read = system,call,security
write = system,call
deny = 0.0.0.0/0.0.0.0
permit = 127.0.0.1/255.255.255.255`;
const ARI = `[tollgate]
type = user
read_only = no
password = ANOTHER-LONG-PASSWORD`;
const YAML = `asterisk:
  - name: pbx1
    ami: { host: 127.0.0.1, username: tollgate, passwordFile: /etc/tollgate/ami }
    ari: { url: "http://127.0.0.1:8088", username: tollgate, passwordFile: /etc/tollgate/ari }`;

export function AsteriskStep(): ReactNode {
  const status = useApi<Status>('status', { everyMs: 3000 });
  return (
    <div className="stack">
      <p>{texts.asteriskText}</p>
      <Shown found={status} rows={2}>
        {({ parts }) => {
          const named = parts.filter(({ name }) => /^(?:AMI|ARI) /.test(name));
          if (named.length === 0) return <p>{texts.asteriskNone}</p>;
          return (
            <ul className="first-run-checks">
              {named.map(({ name, state, detail }) => (
                <li key={name}>
                  <State isUp={state === 'up'}>{state === 'up' ? `${name} ${texts.works}` : name}</State>
                  {state === 'down' && <span>{sentence(detail)}</span>}
                </li>
              ))}
            </ul>
          );
        }}
      </Shown>
      <Lines title={texts.setup} text="sudo tollgate setup" />
      <Lines title={texts.manager} text={MANAGER} />
      <Lines title={texts.ari} text={ARI} />
      <Lines title={texts.yaml} text={YAML} />
    </div>
  );
}

/** Lines of a file, with what file it is. */
export const Lines = ({ title, text }: { readonly title: string; readonly text: string }): ReactNode => (
  <div className="first-run-lines">
    <p>{title}</p>
    <Copyable text={text} label={title} />
  </div>
);
