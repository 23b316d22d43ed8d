/**
 * Attacks on real Asterisks, 22 and 16 whatever the other end-to-end tests run on, while the watch listens.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type AmiConnection, connectAmi } from '../../src/asterisk/ami-connection.ts';
import { type SecurityWatch, watchSecurity } from '../../src/bans/security-watch.ts';
import { systemClock } from '../../src/clock.ts';
import type { AsteriskVersion } from '../../src/demo/asterisk.ts';
import { startAttackedAsterisk, type Target } from '../support/attacked-asterisk.ts';
import { ATTACKS } from '../support/security-attacks.ts';
import { offenceLine, successLine } from '../support/security-lines.ts';
import { keptLog } from '../support/silent-log.ts';

describe.each<AsteriskVersion>([22, 16])('on Asterisk %i', (version) => {
  let target: Target;
  let connection: AmiConnection;
  let watch: SecurityWatch;
  let seen: string[] = [];
  const { log, lines } = keptLog();
  const isUp = () => vi.waitUntil(() => connection.state().up, { interval: 5, timeout: 20_000 });

  beforeAll(async () => {
    target = await startAttackedAsterisk(version);
    connection = connectAmi({ name: 'pbx', ...target.asterisk.ami, log, clock: systemClock });
    watch = watchSecurity([connection], {
      clock: systemClock,
      log,
      onOffence: (offence) => seen.push(offenceLine(offence)),
      onSuccess: (success) => seen.push(successLine(success)),
      ownEventWithinMs: 1_000,
    });
    await isUp();
  });
  afterAll(async () => {
    watch.stop();
    await connection.close();
    await target.stop();
  });

  it('our own log-in is the first event that we are told of', async () => {
    await expect.poll(() => seen).toEqual(['success ami tollgate 127.0.0.1 tcp']);
  });

  const attacks = ATTACKS.filter(({ on }) => (on ?? version) === version);
  it.each(attacks.map((attack) => [attack.name, attack] as const))('%s is taken for what it is', async (_, attack) => {
    if (attack.needsTls === true && !target.hasTls) return;
    seen = [];
    await attack.make(target);
    target.closeWires();
    // An attempt that raises nothing ends all the same: this log-in comes after everything before it.
    await target.manager(['Action: Login', 'Username: limited', 'Secret: limited'], ['Action: Logoff']);
    await expect.poll(() => seen).toEqual([...attack.expected, 'success ami limited 127.0.0.1 tcp']);
  });

  it('what happens while the connection is down is missed, and the time is noted', async () => {
    seen = [];
    const before = watch.gaps().length;
    const downAt = systemClock.now();
    await target.asterisk.restart();
    await isUp();
    await expect.poll(() => seen, { timeout: 20_000 }).toEqual(['success ami tollgate 127.0.0.1 tcp']);
    const [gap, ...more] = watch.gaps().slice(before);
    expect(more).toEqual([]);
    expect(gap?.from).toBeGreaterThanOrEqual(downAt);
    expect(gap?.until).toBeGreaterThan(gap?.from ?? Number.POSITIVE_INFINITY);
    expect(lines.filter(({ msg }) => msg === 'security events of this time were missed')).toHaveLength(before + 1);
  });

  it('a manager user who may not read security events is found out', async () => {
    expect(watch.silent()).toEqual([]);
    const deaf = connectAmi({
      ...{ name: 'deaf', ...target.asterisk.ami, username: 'limited', password: 'limited' },
      ...{ log, clock: systemClock },
    });
    const ear = watchSecurity([deaf], {
      ...{ clock: systemClock, log, ownEventWithinMs: 500 },
      ...{ onOffence: () => undefined, onSuccess: () => undefined },
    });
    try {
      await expect.poll(() => ear.silent(), { timeout: 5_000 }).toEqual(['deaf']);
    } finally {
      ear.stop();
      await deaf.close();
    }
  });
});
