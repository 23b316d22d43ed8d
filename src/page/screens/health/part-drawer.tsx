/** One part of the daemon: what it says, and what to do. */
import type { ReactNode } from 'react';
import { useParams } from 'react-router';
import type { Status } from '../../../status.ts';
import { useApi } from '../../api/queries.ts';
import { capital, sentence } from '../../parts/format.ts';
import { SideDrawer } from '../../parts/side-drawer.tsx';
import { Shown } from '../../parts/states.tsx';
import { Time } from '../../parts/time.tsx';
import { healthTexts } from '../../texts/health.ts';
import { State } from './state.tsx';

export function PartDrawer(): ReactNode {
  const { name = '' } = useParams();
  const status = useApi<Status>('status');
  return (
    <SideDrawer title={capital(name)} closesTo="/health">
      <Shown found={status}>
        {({ parts }) => {
          const part = parts.find((each) => each.name === name);
          if (part === undefined) return <p>{healthTexts.noSuchPart(name)}</p>;
          const isUp = part.state === 'up';
          return (
            <dl className="facts">
              <dt>{healthTexts.state}</dt>
              <dd>
                <State isUp={isUp}>{isUp ? healthTexts.up : healthTexts.isDown}</State>
              </dd>
              <dt>{healthTexts.since}</dt>
              <dd>
                <Time at={part.since} />
              </dd>
              <dt>{healthTexts.detail}</dt>
              <dd>{sentence(part.detail)}</dd>
              <dt>{healthTexts.whatToDo}</dt>
              <dd>{part.remedy === '' ? healthTexts.nothingToDo : sentence(part.remedy)}</dd>
            </dl>
          );
        }}
      </Shown>
    </SideDrawer>
  );
}
