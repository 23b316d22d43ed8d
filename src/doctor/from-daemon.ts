/** The doctor as the running daemon asks it, of itself: it sees what the user of the service may see. */
import type { FirewallService } from '../bans/firewall-service.ts';
import type { Clock } from '../clock.ts';
import type { Config } from '../config/schema.ts';
import type { People } from '../people/people.ts';
import { portsText } from '../policy/port-presets.ts';
import type { Status } from '../status.ts';
import type { PolicyStore } from '../store/policy-store.ts';
import type { DaemonView } from './context.ts';
import { examineMachine, type MachineReport } from './doctor.ts';
import type { Family } from './finding.ts';
import { openMachine } from './machine.ts';

export const ASTERISK_ETC = '/etc/asterisk';

/** Programs of the system lie where not every service looks for them. */
export const programPath = (searchPath: string): string =>
  `${searchPath}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin`;

/** Who asks while a report of the same families is made gets that one. */
export type MachineDoctor = (only: readonly Family[]) => Promise<MachineReport>;

export function createMachineDoctor(deps: {
  readonly config: Config;
  readonly searchPath: string;
  readonly clock: Clock;
  readonly status: () => Status;
  readonly firewall: Pick<FirewallService, 'control'>;
  readonly people: Pick<People, 'users' | 'keys'>;
  readonly policies: Pick<PolicyStore, 'current'>;
}): MachineDoctor {
  const { config, clock } = deps;
  const daemon: DaemonView = {
    parts: async () => deps.status().parts,
    portalPorts: async () => deps.firewall.control.state().plan.portal?.ports.map(portsText),
    users: async () => deps.people.users.list().map((user) => ({ ...user, secondFactor: user.totp !== null })),
    keys: async () => deps.people.keys.list(),
    emergencyNumbers: async () => deps.policies.current().policy.document.emergencyNumbers,
  };
  const machine = openMachine({ root: '/', searchPath: programPath(deps.searchPath), now: () => clock.now() });
  const running = new Map<string, Promise<MachineReport>>();
  return (only) => {
    const key = only.join();
    const made =
      running.get(key) ??
      examineMachine({ machine, asteriskEtc: ASTERISK_ETC, config, daemon }, only).finally(() => running.delete(key));
    running.set(key, made);
    return made;
  };
}
