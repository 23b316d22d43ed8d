/** Why an address is blocked, with what was seen: something that a support person can read to a customer. */
import { Button } from '@mantine/core';
import type { ReactNode } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import type { BanAnswerReport, BanReport } from '../../../api/bans-routes.ts';
import { useApi } from '../../api/queries.ts';
import { useSession } from '../../api/session.tsx';
import { useKeys } from '../../frame/keys.tsx';
import { formatActor, formatClock, formatCount, formatDuration, sentence } from '../../parts/format.ts';
import { SideDrawer } from '../../parts/side-drawer.tsx';
import { Shown } from '../../parts/states.tsx';
import { Time, useZone } from '../../parts/time.tsx';
import { blockedTexts } from '../../texts/blocked.ts';
import { blockRange, blockType, countryWords, defenseType, isUdpOnly, kindOf, pathOf, seenBy } from './bans.ts';
import { Expires } from './expires.tsx';
import { usePermanentAfter } from './permanent-after.ts';
import { PermanentlyButton } from './permanently-button.tsx';
import { useUnblock } from './unblock-context.ts';

const texts = blockedTexts.drawer;

export function BanDrawer(): ReactNode {
  const { address = '' } = useParams();
  const found = useApi<BanAnswerReport>(`bans/${pathOf(address)}`);
  return (
    <SideDrawer title={<span className="mono">{address}</span>} closesTo="/blocked-ips">
      <Shown found={found}>
        {(answer) => (
          <div className="stack blocked-drawer">
            {answer.banned ? <Blocked ban={answer} answer={answer} /> : <p>{texts.notBlocked(address)}</p>}
            {answer.allowedBy !== null && <p>{texts.allowedBy(answer.allowedBy.name)}</p>}
            {answer.leftAlone !== null && (
              <p>
                {blockedTexts.leftAlone.inDrawer(formatActor(answer.leftAlone.by))} <Time at={answer.leftAlone.until} />
                .
              </p>
            )}
            {answer.countryRefusal !== null && (
              <p>
                {texts.refusedCountry}: {sentence(answer.countryRefusal)}
              </p>
            )}
            {answer.banned && <EvidenceList answer={answer} />}
            <History answer={answer} />
          </div>
        )}
      </Shown>
    </SideDrawer>
  );
}

function Blocked({ ban, answer }: { readonly ban: BanReport; readonly answer: BanAnswerReport }): ReactNode {
  const { may } = useSession();
  const navigate = useNavigate();
  const unblock = useUnblock();
  const of = usePermanentAfter();
  const zone = useZone();
  const { kernel, alsoBannedBy } = answer;
  const mayWrite = may('bans:write');
  useKeys([{ keys: 'u', says: blockedTexts.unblock, run: () => unblock({ bans: [ban] }) }], mayWrite);
  return (
    <>
      <p className="blocked-sentence">{sentence(ban.reason)}</p>
      {isUdpOnly(ban) && <p className="muted">{texts.spoof}</p>}
      <div className="row" title={mayWrite ? undefined : blockedTexts.mayNot}>
        <Button disabled={!mayWrite} onClick={() => unblock({ bans: [ban] })}>
          {blockedTexts.unblock}
        </Button>
        {!ban.permanent && <PermanentlyButton addresses={[ban.address]} />}
        {may('allowlist:write') && (
          <Button onClick={() => void navigate(`/allowed-ips/new?value=${encodeURIComponent(ban.address)}`)}>
            {blockedTexts.allow}
          </Button>
        )}
      </div>
      <section>
        <h3>{texts.facts}</h3>
        <dl className="facts">
          <dt>{blockedTexts.blockRange}</dt>
          <dd className="mono">{blockRange(ban.address)}</dd>
          <dt>{blockedTexts.defenseType}</dt>
          <dd>{defenseType(ban)}</dd>
          <dt>{blockedTexts.blockType}</dt>
          <dd>
            {blockType(ban, of)}, {kindOf(ban.address)}
          </dd>
          <dt>{blockedTexts.attackedAt}</dt>
          <dd>
            <Time at={ban.since} />
          </dd>
          <dt>{blockedTexts.expires}</dt>
          <dd>
            <Expires until={ban.until} />
          </dd>
          <dt>{blockedTexts.protocol}</dt>
          <dd>
            {ban.protocol?.toUpperCase() ?? blockedTexts.any} {ban.attackedPort ?? ''}
          </dd>
          <dt>{blockedTexts.seenBy}</dt>
          <dd>{seenBy(ban)}</dd>
          <dt>{blockedTexts.by}</dt>
          <dd>{formatActor(ban.by)}</dd>
          {ban.country !== null && (
            <>
              <dt>{blockedTexts.country}</dt>
              <dd>{countryWords(ban.country)}</dd>
            </>
          )}
          <dt>{texts.timesBlocked}</dt>
          <dd>{texts.times(Math.max(1, ban.timesBanned))}</dd>
          <dt>{blockedTexts.lastHit}</dt>
          <dd>{ban.lastHitAt === null ? blockedTexts.never : <Time at={ban.lastHitAt} as="age" />}</dd>
          {ban.dropped !== null && (
            <>
              <dt>{blockedTexts.drops}</dt>
              <dd className="number">{formatCount(ban.dropped)}</dd>
            </>
          )}
          <dt>{texts.kernel}</dt>
          <dd>
            {kernel === null
              ? texts.noKernel
              : kernel.bans.includes(ban.address)
                ? texts.inKernel(kernel.backend, formatClock(Date.parse(ban.since), zone))
                : texts.notInKernel(kernel.backend)}
          </dd>
          {alsoBannedBy.length > 0 && (
            <>
              <dt>{texts.alsoBy}</dt>
              <dd>
                {alsoBannedBy.map((each) => (
                  <Link key={each} className="mono" to={`/blocked-ips/${pathOf(each)}`}>
                    {each}
                  </Link>
                ))}
              </dd>
            </>
          )}
        </dl>
      </section>
    </>
  );
}

function EvidenceList({ answer }: { readonly answer: BanAnswerReport & { readonly banned: true } }): ReactNode {
  const { evidence, offences, protocol } = answer;
  const [first, last] = [evidence?.[0], evidence?.at(-1)];
  const shown = evidence?.length ?? 0;
  const names = answer.namesTried ?? [];
  const lastedMs = Date.parse(last?.at ?? '') - Date.parse(first?.at ?? '');
  const summary = [
    offences > shown ? texts.newestOf(shown, offences) : texts.events(shown),
    lastedMs > 0 ? texts.within(formatDuration(lastedMs)) : '',
    names.length > 0 ? texts.tried(names) : '',
    protocol === null ? '.' : `${texts.over(protocol.toUpperCase())}.`,
  ].join('');
  return (
    <section>
      <h3>{texts.evidence}</h3>
      {evidence === null && <p>{texts.unknown}</p>}
      {evidence?.length === 0 && <p className="muted">{texts.noEvidence}</p>}
      {evidence !== null && first !== undefined && last !== undefined && (
        <>
          <p className="muted">{summary}</p>
          {names.length > 5 && (
            <p className="muted">
              {texts.allNames}: {names.join(', ')}
            </p>
          )}
          <ol className="blocked-events">
            {evidence.map(({ at, event }, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: events may be alike, and never change their place
              <li key={index}>
                <Time at={at} /> <span>{sentence(event)}</span>
              </li>
            ))}
          </ol>
        </>
      )}
    </section>
  );
}

function History({ answer }: { readonly answer: BanAnswerReport }): ReactNode {
  const { history } = answer;
  if (history?.length === 0) return null;
  return (
    <section>
      <h3>{texts.earlier}</h3>
      {history === null ? (
        <p>{texts.unknown}</p>
      ) : (
        <ol className="blocked-events">
          {history.map(({ what, at, by, reason }) => (
            <li key={`${at} ${what}`}>
              <Time at={at} />{' '}
              <span>
                {texts.change[what]}
                {by !== '' && ` ${texts.byWhom(formatActor(by))}`}
                {what === 'add' || what === 'change' ? `: ${reason}` : ''}
              </span>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
