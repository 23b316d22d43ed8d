/** One part of the daemon: what it says, and what to do. */
import type { ReactNode } from 'react';
import { useParams } from 'react-router';
import type { FirewallReport } from '../../../api/firewall-routes.ts';
import type { Status } from '../../../status.ts';
import { useApi } from '../../api/queries.ts';
import { useSession } from '../../api/session.tsx';
import { capital, formatCount, sentence } from '../../parts/format.ts';
import { SideDrawer } from '../../parts/side-drawer.tsx';
import { Shown } from '../../parts/states.tsx';
import { Time } from '../../parts/time.tsx';
import { healthTexts } from '../../texts/health.ts';
import { Took } from './latency.tsx';
import { Said } from './said.tsx';
import { State } from './state.tsx';

export function PartDrawer(): ReactNode {
  const { name = '' } = useParams();
  const { may } = useSession();
  const status = useApi<Status>('status');
  return (
    <SideDrawer title={capital(name)} closesTo="/health">
      <Shown found={status}>
        {({ parts, latency }) => {
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
              <dd>
                <Said text={sentence(part.detail)} />
              </dd>
              <dt>{healthTexts.whatToDo}</dt>
              <dd>{part.remedy === '' ? healthTexts.nothingToDo : <Said text={sentence(part.remedy)} />}</dd>
              {name === 'store' && (
                <>
                  <dt>{healthTexts.storeTook}</dt>
                  <dd>
                    <Took latency={latency.store} what={healthTexts.storeTook} />
                  </dd>
                </>
              )}
              {name === 'firewall' && may('firewall:read') && <FirewallFacts />}
            </dl>
          );
        }}
      </Shown>
    </SideDrawer>
  );
}

/** Whether the kernel does what is wanted, and what others changed in it. */
function FirewallFacts(): ReactNode {
  const { data } = useApi<FirewallReport>('firewall');
  const texts = healthTexts.firewall;
  if (data === undefined) return null;
  const { inForce, lastCheckAt, drift, lastDrift } = data;
  return (
    <>
      <dt>{texts.inForce}</dt>
      <dd>
        <State isUp={inForce}>{inForce ? texts.isInForce : texts.isNotInForce}</State>
      </dd>
      <dt>{texts.checked}</dt>
      <dd>{lastCheckAt === null ? texts.never : <Time at={lastCheckAt} as="age" />}</dd>
      <dt>{texts.mended}</dt>
      <dd>{drift === 0 ? texts.noDrift : texts.times(formatCount(drift))}</dd>
      {lastDrift !== null && (
        <>
          <dt>{texts.lastDrift}</dt>
          <dd>
            <Time at={lastDrift.at} as="age" />: {lastDrift.found.join('; ')}
          </dd>
        </>
      )}
    </>
  );
}
