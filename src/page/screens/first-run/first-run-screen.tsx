/** From a fresh start to a call that was seen: each step can be left and taken up again, on this device. */
import { Button, Stepper } from '@mantine/core';
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { useDeviceChoice } from '../../frame/device.ts';
import { usePhone } from '../../frame/phone.ts';
import { Screen } from '../../parts/screen.tsx';
import { firstRunTexts as texts } from '../../texts/account.ts';
import { AddressStep } from './address-step.tsx';
import { AlertsStep } from './alerts-step.tsx';
import { AsteriskStep } from './asterisk-step.tsx';
import { DialplanStep } from './dialplan-step.tsx';
import { StillOff } from './still-off.tsx';
import { TestCallStep } from './test-call-step.tsx';
import './first-run.css';

/** After the two that come before everything (first-factor.tsx). */
const STEPS = [
  { label: texts.address, Step: AddressStep },
  { label: texts.asterisk, Step: AsteriskStep },
  { label: texts.dialplan, Step: DialplanStep },
  { label: texts.test, Step: TestCallStep },
  { label: texts.alerts, Step: AlertsStep },
] as const;
const BEFORE = 2;

export function FirstRunScreen(): ReactNode {
  const [kept, keep] = useDeviceChoice('first run', '0');
  const isPhone = usePhone();
  const at = Math.max(0, Math.min(STEPS.length - 1, Number(kept) || 0));
  const { Step, label } = STEPS[at] ?? STEPS[0];
  const isLast = at === STEPS.length - 1;
  return (
    <Screen title={texts.title} purpose={texts.step(at + 1 + BEFORE, STEPS.length + BEFORE)}>
      {!isPhone && (
        <Stepper active={at} size="sm" onStepClick={(step) => keep(String(step))}>
          {STEPS.map((step, index) => (
            <Stepper.Step key={step.label} label={step.label} icon={index + 1 + BEFORE} />
          ))}
        </Stepper>
      )}
      <section className="first-run-step stack">
        <h2>{label}</h2>
        <Step />
        {isLast && <StillOff />}
        <div className="row">
          {at > 0 && <Button onClick={() => keep(String(at - 1))}>{texts.back}</Button>}
          {isLast ? (
            <Button component={Link} to="/" variant="filled">
              {texts.done}
            </Button>
          ) : (
            <Button variant="filled" onClick={() => keep(String(at + 1))}>
              {texts.next}
            </Button>
          )}
        </div>
      </section>
    </Screen>
  );
}
