/** Ready rules and starter packs: each says what it does and permits at worst before it is taken. */
import { Button, TagsInput, TextInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { useNavigate } from 'react-router';
import type { PackAnswer } from '../../../api/packs-routes.ts';
import type { TemplateReport } from '../../../api/templates-routes.ts';
import { api } from '../../api/client.ts';
import { useApi, useRefresh } from '../../api/queries.ts';
import { useSession } from '../../api/session.tsx';
import { useAction } from '../../parts/action.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { ErrorText, Shown } from '../../parts/states.tsx';
import { say } from '../../parts/undo.tsx';
import { partTexts } from '../../texts/frame.ts';
import { rulesTexts } from '../../texts/rules.ts';
import { UsePack } from './use-pack.tsx';

const texts = rulesTexts.templates;

export function Templates(): ReactNode {
  const templates = useApi<readonly TemplateReport[]>('templates');
  const packs = useApi<readonly PackAnswer[]>('packs');
  const [used, use] = useState<TemplateReport>();
  const [seen, look] = useState<PackAnswer>();
  const { may } = useSession();
  const card = (template: TemplateReport): ReactNode => (
    <li key={template.name} className="panel template">
      <h3 className="rules-h3">{template.title}</h3>
      <p>{template.says}</p>
      <Button
        aria-label={texts.called(template.title)}
        disabled={!may('policy:write')}
        title={may('policy:write') ? undefined : rulesTexts.mayNotWrite}
        onClick={() => use(template)}
      >
        {texts.use}
      </Button>
    </li>
  );
  return (
    <>
      <Shown found={templates}>
        {(all) => (
          <>
            <section className="stack">
              <h2>{texts.title}</h2>
              <ul className="templates">{all.filter(({ law }) => law === undefined).map(card)}</ul>
            </section>
            <section className="stack">
              <h2>{texts.legal}</h2>
              <ul className="templates">{all.filter(({ law }) => law !== undefined).map(card)}</ul>
            </section>
          </>
        )}
      </Shown>
      <Shown found={packs}>
        {(all) => (
          <section className="stack">
            <h2>{texts.packs}</h2>
            <p className="muted">{texts.packsHelp}</p>
            <ul className="templates">
              {all.map((pack) => (
                <li key={pack.name} className="panel template">
                  <h3 className="rules-h3">{pack.title}</h3>
                  <p>{pack.says}</p>
                  <p>{pack.worstCase}</p>
                  <Button aria-label={texts.lookNamed(pack.title)} onClick={() => look(pack)}>
                    {texts.look}
                  </Button>
                </li>
              ))}
            </ul>
          </section>
        )}
      </Shown>
      {used !== undefined && <UseTemplate template={used} onClose={() => use(undefined)} />}
      {seen !== undefined && <UsePack pack={seen} onClose={() => look(undefined)} />}
    </>
  );
}

/** Adds it with the group, schedule or list that it needs, in shadow, and opens the form. */
function UseTemplate({
  template,
  onClose,
}: {
  readonly template: TemplateReport;
  readonly onClose: () => void;
}): ReactNode {
  const [members, setMembers] = useState<string[]>([]);
  const [trunk, setTrunk] = useState('');
  const navigate = useNavigate();
  const refresh = useRefresh();
  const { isRunning, error, run } = useAction();
  const need = (option: string) => template.needs.find((each) => each.option === option);
  const add = async (): Promise<void> => {
    const body = {
      shadow: true,
      ...(members.length === 0 ? {} : { members }),
      ...(trunk.trim() === '' ? {} : { trunk: trunk.trim() }),
    };
    const added = await api<{ readonly id: string }>('POST', `templates/${template.name}`, { body });
    await refresh('rules', 'policy', 'doctor');
    say(texts.added(template.title), () =>
      api('DELETE', `rules/${encodeURIComponent(added.id)}`).then(() => refresh('rules', 'policy')),
    );
    void navigate(`/rules/edit/${encodeURIComponent(added.id)}`);
  };
  return (
    <Dialog title={template.title} onClose={onClose} size={560}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void run(add);
        }}
      >
        <p>{template.says}</p>
        {need('members') !== undefined && (
          <TagsInput
            label={texts.members}
            description={need('members')?.what}
            value={members}
            onChange={setMembers}
            splitChars={[',', ';', ' ']}
            acceptValueOnBlur
            comboboxProps={{ withinPortal: false }}
          />
        )}
        {need('trunk') !== undefined && (
          <TextInput
            label={texts.trunk}
            description={need('trunk')?.what}
            required
            value={trunk}
            onChange={(event) => setTrunk(event.currentTarget.value)}
          />
        )}
        {error !== undefined && <ErrorText error={error} />}
        <div className="row end">
          <Button onClick={onClose}>{partTexts.cancel}</Button>
          <Button type="submit" variant="filled" loading={isRunning}>
            {texts.addInShadow}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
