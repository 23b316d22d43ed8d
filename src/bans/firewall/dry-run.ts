/**
 * The backend `dry-run`: says what `nftables` would do, and does nothing.
 *
 * Works from the same text of the same transactions, against a kernel that it imagines: one that has done all of it so
 * far. Asks nothing of the host, so it runs without nft and without rights. Nothing is ever dropped, and it says so.
 */
import type { Clock } from '../../clock.ts';
import type { Log } from '../../log.ts';
import { contains, readRange } from '../../policy/addresses.ts';
import type { BanStep, Firewall, WantedFirewall } from './firewall.ts';
import { definitions, FORGET_TABLE, type PrefixSet, setName, shapeOf } from './nft-ruleset.ts';
import { type FixedElements, fixedChanges, fixedElements, transactionOf } from './nft-transaction.ts';
import { noCounters } from './no-firewall.ts';

export interface DryRun extends Firewall {
  /** The last scripts that nft would have been given, the oldest first; long ones are cut. */
  readonly wouldHaveRun: () => readonly string[];
}

const MOST_KEPT = 100;
const LONGEST_KEPT = 10_000;

export function createDryRun({ clock, log }: { readonly clock: Clock; readonly log: Log }): DryRun {
  const scripts: string[] = [];
  const bans = new Map<string, number | null>();
  const sets = new Map<string, PrefixSet>();
  let fixed: FixedElements = new Map();
  let rules = '';
  let settings: WantedFirewall | undefined;

  const wouldRun = (commands: readonly string[]): void => {
    if (commands.length === 0) return;
    const script = commands.join('').slice(0, LONGEST_KEPT);
    scripts.push(script);
    if (scripts.length > MOST_KEPT) scripts.shift();
    log.info({ script }, 'dry run: nft would be given this');
  };

  const take = (wanted: WantedFirewall, nextFixed: FixedElements, steps: readonly BanStep[]): void => {
    const changes = transactionOf(steps, clock.now());
    const fixedOnes = fixedChanges(fixed, nextFixed);
    for (const set of [...changes.sets(), ...fixedOnes.sets()]) sets.set(setName(set), set);
    const nextRules = definitions(shapeOf(wanted, sets.values()));
    wouldRun([...(nextRules === rules ? [] : [nextRules]), ...fixedOnes.commands(), ...changes.commands()]);
    rules = nextRules;
    fixed = nextFixed;
    for (const step of steps) {
      if (step.what === 'lift') bans.delete(step.address);
      else bans.set(step.ban.address, step.ban.until);
    }
  };

  return {
    backend: 'dry-run',
    wouldHaveRun: () => scripts,
    enforce: (wanted, { keepBans }) => {
      settings = wanted;
      const { fixed: nextFixed, unusable } = fixedElements(wanted);
      const gone = new Set(bans.keys());
      const steps: BanStep[] = [];
      for (const ban of wanted.bans) {
        gone.delete(ban.address);
        const before = bans.get(ban.address);
        if (before !== ban.until) steps.push({ what: 'put', ban, fresh: before === undefined });
      }
      if (!keepBans) for (const address of gone) steps.push({ what: 'lift', address });
      take(wanted, nextFixed, steps);
      return Promise.resolve({ drift: 0, found: [], elements: bans.size, unusable });
    },
    change: (steps) => {
      if (settings !== undefined) take(settings, fixed, steps);
      return Promise.resolve();
    },
    holds: () => Promise.resolve(true),
    inKernel: (text) => {
      const read = readRange(text);
      if ('problem' in read) return Promise.resolve({ bans: [], allowed: [], blocked: false });
      const holds = (network: string): boolean => {
        const other = readRange(network);
        return 'range' in other && contains(other.range, read.range);
      };
      return Promise.resolve({
        bans: [...bans.keys()].filter(holds),
        allowed: (settings?.allowed ?? []).filter(holds),
        blocked: false,
      });
    },
    counters: () => Promise.resolve(noCounters()),
    unblock: () => Promise.resolve(false),
    remove: () => {
      wouldRun([FORGET_TABLE]);
      bans.clear();
      sets.clear();
      fixed = new Map();
      rules = '';
      settings = undefined;
      return Promise.resolve();
    },
    close: () => undefined,
  };
}
