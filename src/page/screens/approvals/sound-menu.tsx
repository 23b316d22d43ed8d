/** What this device does when a call waits: rings, notifies, keeps its screen on. Off until somebody switches it on here. */
import { Button, Popover, Switch } from '@mantine/core';
import { IconBell, IconBellOff } from '@tabler/icons-react';
import { type ReactNode, useEffect, useState } from 'react';
import { useDeviceChoice } from '../../frame/device.ts';
import { approvalTexts } from '../../texts/approvals.ts';
import { NOTIFY_CHOICE, SOUND_CHOICE } from './approval-watch.tsx';
import { isSoundUnlocked, ring, unlockSound } from './sound.ts';

const { sound: texts } = approvalTexts;

export function SoundMenu(): ReactNode {
  const [sound, setSound] = useDeviceChoice(SOUND_CHOICE, 'off');
  const [notify, setNotify] = useDeviceChoice(NOTIFY_CHOICE, 'off');
  const [isReady, setReady] = useState(isSoundUnlocked);
  const [isRefused, setRefused] = useState(false);
  const isOn = sound === 'on';
  useEffect(() => {
    const timer = setInterval(() => setReady(isSoundUnlocked()), 1000);
    return () => clearInterval(timer);
  }, []);
  const mayNotify = isSecureContext && 'Notification' in window;
  const switchNotes = async (isWanted: boolean): Promise<void> => {
    const isGranted = isWanted && (await Notification.requestPermission()) === 'granted';
    setRefused(isWanted && !isGranted);
    setNotify(isGranted ? 'on' : 'off');
  };
  return (
    <Popover position="bottom-end" trapFocus returnFocus withinPortal={false}>
      <Popover.Target>
        <Button leftSection={isOn ? <IconBell size={16} stroke={1.75} /> : <IconBellOff size={16} stroke={1.75} />}>
          {isOn && !isReady ? texts.waits : texts.menu(isOn)}
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <div className="stack sound-menu">
          <div className="row sound-row">
            <Switch
              label={texts.switch}
              checked={isOn}
              onChange={(event) => {
                const { checked } = event.currentTarget;
                setSound(checked ? 'on' : 'off');
                if (checked) void unlockSound().then(setReady);
              }}
            />
            <Button size="compact-sm" onClick={() => void unlockSound().then(ring)}>
              {texts.test}
            </Button>
          </div>
          <Switch
            label={texts.notify}
            description={mayNotify ? (isRefused ? texts.notifyRefused : undefined) : texts.notifyHelp}
            disabled={!mayNotify}
            checked={mayNotify && notify === 'on'}
            onChange={(event) => void switchNotes(event.currentTarget.checked)}
          />
          <AwakeSwitch />
        </div>
      </Popover.Dropdown>
    </Popover>
  );
}

/** Where there is HTTPS alone. */
const { wakeLock } = navigator as { readonly wakeLock?: WakeLock };

/** For as long as the page is shown; the device forgets it with the page. */
function AwakeSwitch(): ReactNode {
  const [isOn, setOn] = useState(false);
  useEffect(() => {
    if (!isOn || wakeLock === undefined) return;
    let held: WakeLockSentinel | undefined;
    const hold = async (): Promise<void> => {
      if (!document.hidden) held = await wakeLock.request('screen').catch(() => undefined);
    };
    void hold();
    // It is lost whenever the page is hidden.
    const onShown = (): void => void hold();
    document.addEventListener('visibilitychange', onShown);
    return () => {
      document.removeEventListener('visibilitychange', onShown);
      void held?.release();
    };
  }, [isOn]);
  return (
    <Switch
      label={texts.awake}
      description={wakeLock === undefined ? texts.awakeHelp : undefined}
      disabled={wakeLock === undefined}
      checked={isOn}
      onChange={(event) => setOn(event.currentTarget.checked)}
    />
  );
}
