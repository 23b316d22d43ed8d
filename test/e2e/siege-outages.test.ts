/**
 * What must hold while Tollgate and its store die in the middle of an attack, and when another program empties the packet
 * filter. The same host as in siege.test.ts; skipped without networks of its own.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canHaveNetworks } from '../support/network-namespace.ts';
import { attackerAt, SILENCE_MS, SIP, type Siege, startSiege, until } from '../support/siege.ts';
import { testedAsterisk } from '../support/stage.ts';

const possible = await canHaveNetworks();
const ATTACKERS = Array.from({ length: 40 }, (_, each) => attackerAt(each));
const OFFICE = attackerAt(500);
const ROUNDS = 6;

describe.skipIf(!possible)('with parts that die (needs root, ip and nft)', () => {
  let siege: Siege;
  const closers: Array<() => Promise<void>> = [];

  beforeAll(async () => {
    siege = await startSiege({ version: testedAsterisk, attempts: 5 });
    await siege.cli('allow', 'add', OFFICE, '--name', 'Office');
  });
  afterAll(async () => {
    for (const close of closers) await close();
    await siege?.stop();
  });

  /** Looks into the kernel all the time: which bans have been there, and which of them were gone at some moment. */
  const watchKernel = () => {
    const [seen, gone] = [new Set<string>(), new Set<string>()];
    let ends = false;
    const look = async (): Promise<void> => {
      const kernel = await siege.kernel();
      for (const address of seen) if (!kernel.has(address)) gone.add(address);
      for (const address of kernel.keys()) seen.add(address);
    };
    const run = async (): Promise<void> => {
      for (; !ends; await sleep(40)) await look();
    };
    const running = run();
    const end = async (): Promise<void> => {
      ends = true;
      await running;
    };
    closers.push(end);
    return { seen, gone, end };
  };
  const victims = (round: number): readonly ('daemon' | 'store')[] => {
    // Each way to die at least once.
    const way = round < 3 ? round : Math.floor(3 * Math.random());
    return way === 0 ? ['daemon'] : way === 1 ? ['store'] : ['daemon', 'store'];
  };

  test('daemon and store are killed at random while forty addresses attack: no ban is lost, nobody allowed is banned', async () => {
    const campaign = { ...SIP, name: 'forty', from: [...ATTACKERS, OFFICE], user: '1002', pauseMs: 700 };
    await siege.outside.ask('campaign', campaign);
    const { seen, gone, end } = watchKernel();
    const deaths = { daemon: 0, store: 0 };
    for (let round = 0; round < ROUNDS; round += 1) {
      await sleep(300 + Math.random() * 1200);
      const dying = victims(round);
      for (const victim of dying) {
        deaths[victim] += 1;
        if (victim === 'daemon') await siege.tollgate.kill();
        else await siege.tollgate.killStore();
      }
      await sleep(Math.random() * 1500);
      for (const address of [...seen].slice(-3)) {
        await siege.open(address, 'udp');
        expect(await siege.knock(`udp ${address}`, SILENCE_MS)).toBe(0);
      }
      if (dying.includes('daemon')) await siege.tollgate.start();
    }
    await until('Tollgate works again', async () => (await siege.status()).state === 'working');
    const then = seen.size;
    await until('all forty are in the kernel', async () => ATTACKERS.every((address) => seen.has(address)));
    const answered = await siege.outside.ask('endCampaign', 'forty');
    // Twice the time in which Tollgate compares the kernel with its list.
    await sleep(10_000);
    await end();
    expect([...gone]).toEqual([]);
    const listed = (await siege.bans()).map(({ address }) => address);
    expect([...seen].filter((address) => !listed.includes(address))).toEqual([]);
    expect([...seen].sort()).toEqual([...ATTACKERS].sort());
    expect(listed).not.toContain(OFFICE);
    expect(answered[OFFICE]).toBeGreaterThan(5);
    const most = Math.max(...ATTACKERS.map((address) => answered[address] ?? 0));
    siege.note('killed during the attack', `daemon ${deaths.daemon} times, store ${deaths.store} times`);
    siege.note('bans', `${then} when the last of them was back, 40 of 40 in the end; none was ever out of the kernel`);
    siege.note(
      'answered guesses',
      `at most ${most} of an attacker, ${answered[OFFICE]} of the allowed address, which is not banned`,
    );
  });

  test('the tables of other programs are what they were', async () => {
    expect(await siege.foreignTable()).toBe(siege.foreignTableAtFirst);
  });

  test('after nft flush ruleset of another program the bans are back by themselves', async () => {
    const banned = [...(await siege.kernel()).keys()].sort();
    expect(banned.length).toBeGreaterThan(0);
    const startMs = performance.now();
    await siege.pair.host.run('nft', 'flush', 'ruleset');
    expect((await siege.kernel()).size).toBe(0);
    await until('the bans are back', async () => (await siege.kernel()).size === banned.length);
    expect([...(await siege.kernel()).keys()].sort()).toEqual(banned);
    siege.note('nft flush ruleset', `${banned.length} bans back after ${Math.round(performance.now() - startMs)} ms`);
    // Nothing of the others was made up.
    expect(await siege.pair.host.run('nft', 'list', 'tables')).toBe('table inet tollgate\n');
    const [first = ''] = ATTACKERS;
    await siege.open(first, 'udp');
    expect(await siege.knock(`udp ${first}`, SILENCE_MS)).toBe(0);
  });
});
