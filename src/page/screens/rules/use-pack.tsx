/** A starter pack: its figures, what it would add, and then the whole of it as one change of the policy. */
import { Button, TextInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import type { PackAnswer, PackProposalAnswer } from '../../../api/packs-routes.ts';
import type { ScheduleWindow } from '../../../policy/schedule.ts';
import { ApiError, api, receive } from '../../api/client.ts';
import { useRefresh } from '../../api/queries.ts';
import { useSession } from '../../api/session.tsx';
import { useAction } from '../../parts/action.ts';
import { ConfirmButton } from '../../parts/confirm.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { capital, sentence } from '../../parts/format.ts';
import { ErrorText } from '../../parts/states.tsx';
import { say } from '../../parts/undo.tsx';
import { partTexts } from '../../texts/frame.ts';
import { rulesTexts } from '../../texts/rules.ts';
import { WindowList } from '../schedules/window-list.tsx';
import { Zone } from '../schedules/zone-and-holidays.tsx';
import '../schedules/schedules.css';
import { type PolicyAnswer, usePolicy } from './rule-data.ts';

const texts = rulesTexts.templates;

/** Figures, then what it would add, then the whole of it as one change of the policy. */
export function UsePack({ pack, onClose }: { readonly pack: PackAnswer; readonly onClose: () => void }): ReactNode {
  const { may } = useSession();
  const [figures, setFigures] = useState<Readonly<Record<string, string>>>({});
  const [proposal, propose] = useState<PackProposalAnswer>();
  const [version, setVersion] = useState<string>();
  const refresh = useRefresh();
  const { isRunning, error, run } = useAction();
  const [hours, setHours] = useState<readonly ScheduleWindow[]>(pack.hours as readonly ScheduleWindow[]);
  const [zone, setZone] = useState<string>();
  const policy = usePolicy().data;
  const asked = pack.figures.filter(({ name }) => name !== 'hours' && name !== 'timezone');
  const body = (): Record<string, unknown> => ({
    hours,
    ...(zone === undefined ? {} : { timezone: zone }),
    ...Object.fromEntries(
      Object.entries(figures).flatMap(([name, value]) => {
        if (value.trim() === '') return [];
        return [
          [
            name,
            name === 'knownCountries'
              ? value
                  .toUpperCase()
                  .split(/[\s,;]+/)
                  .filter(Boolean)
              : value.trim(),
          ],
        ];
      }),
    ),
  });
  const problems = error instanceof ApiError ? error.problems : [];
  const problemOf = (at: number): string | undefined => {
    const found = problems.find(({ path }) => path.startsWith(`hours[${at}]`));
    return found === undefined ? undefined : sentence(found.message);
  };
  const show = async (): Promise<void> => {
    const { etag } = await receive<PolicyAnswer>('GET', 'policy');
    setVersion(etag);
    propose(await api<PackProposalAnswer>('POST', `packs/${pack.name}`, { body: body() }));
  };
  return (
    <Dialog title={pack.title} onClose={onClose} size={720}>
      <div className="stack">
        <div className="pack-figures">
          {asked.map(({ name, what, usual }) => (
            <TextInput
              key={name}
              label={texts.figures[name] ?? name}
              description={capital(what)}
              placeholder={usual ?? policy?.document.homeCountry ?? ''}
              value={figures[name] ?? ''}
              onChange={(event) => {
                setFigures({ ...figures, [name]: event.currentTarget.value });
                propose(undefined);
              }}
            />
          ))}
        </div>
        <WindowList
          legend={texts.figures['hours']}
          help={texts.hoursHelp}
          windows={hours}
          readOnly={false}
          problemOf={problemOf}
          onChange={(windows) => {
            setHours(windows);
            propose(undefined);
          }}
        />
        {policy !== undefined && (
          <Zone
            value={zone}
            policyZone={policy.document.timezone}
            isCalledOffered={false}
            readOnly={false}
            onChange={(chosen) => {
              setZone(chosen);
              propose(undefined);
            }}
          />
        )}
        {error !== undefined && <ErrorText error={error} />}
        {proposal !== undefined && (
          <section className="panel stack">
            <p>
              <strong>{texts.adds(proposal.rules.length)}</strong> {proposal.rules.join(', ')}
            </p>
            <p>{proposal.says}</p>
            <p>{proposal.worstCase}</p>
          </section>
        )}
        <div className="row end">
          <Button onClick={onClose}>{partTexts.cancel}</Button>
          {proposal === undefined ? (
            <Button variant="filled" loading={isRunning} onClick={() => void run(show)}>
              {texts.propose}
            </Button>
          ) : (
            <ConfirmButton
              variant="filled"
              disabled={!may('policy:remove')}
              title={may('policy:remove') ? undefined : texts.ownerApplies}
              consequence={texts.applyMeans(proposal.rules.length)}
              confirms={texts.apply}
              onConfirm={async () => {
                await api('PUT', 'policy', { body: proposal.document, ifMatch: version });
                await refresh('rules', 'policy', 'doctor', 'groups', 'schedules');
                say(texts.applied(pack.title));
                onClose();
              }}
            >
              {texts.apply}
            </ConfirmButton>
          )}
        </div>
      </div>
    </Dialog>
  );
}
