import { describe, expect, it } from 'vitest';
import { ROUND_ROBIN, SUBJECTS, type Subject } from './channel.js';
import { SCENARIOS, type Scenario, type Stage } from './scenarios.js';
import { simulate } from './simulate.js';

const scenario = (name: string): Scenario => SCENARIOS.find((each) => each.name === name)!;
const subject = (name: string): Subject => SUBJECTS.find((each) => each.name === name)!;
const OURS = SUBJECTS.filter((each) => each !== ROUND_ROBIN);

/** Something that begins a second after the clients, for a few seconds. */
const short = (name: string, happens: (stage: Stage) => void, end = 5): Scenario => ({
  ...scenario(name),
  from: 1,
  to: end,
  end,
  play: (stage) => void stage.time.after(1000, () => happens(stage)),
});

const slow = short('slow-instance', ({ servers }) => (servers[0]!.slowness = 10));
const failing = short('failing-instances', ({ servers }) =>
  servers.slice(0, 3).forEach((each) => (each.failing = true)),
);
const silent = short('zone-loss', ({ fleet }) => fleet.inZone('a').forEach((each) => (each.silent = true)));
const SEEDS = [1, 2, 3];

describe('a simulation', () => {
  it('repeats itself for a seed, and gives other calls for another one', async () => {
    const [first, again, other] = [
      await simulate(slow, subject('p2c'), 1),
      await simulate(slow, subject('p2c'), 1),
      await simulate(slow, subject('p2c'), 2),
    ];
    expect(again).toEqual(first);
    expect(other.calls).not.toBe(first.calls);
  });

  it('gives everybody the same calls', async () => {
    const brief = { ...scenario('steady'), from: 0, to: 1, end: 1 };
    const outcomes = await Promise.all(SUBJECTS.map((each) => simulate(brief, each, 1)));
    expect(new Set(outcomes.map(({ calls }) => calls)).size).toBe(1);
    expect(outcomes.map(({ failed }) => failed)).toEqual(SUBJECTS.map(() => 0));
  });
});

describe('p2c', () => {
  it.each(SEEDS)('cuts p99 under a slow instance to a third of that of round_robin or less, seed %d', async (seed) => {
    const [theirs, ours] = [await simulate(slow, ROUND_ROBIN, seed), await simulate(slow, subject('p2c'), seed)];
    expect(theirs.p99Ms / ours.p99Ms, `seed ${seed}`).toBeGreaterThanOrEqual(3);
    expect(ours.failed).toBe(0);
  });

  it.each(SEEDS)('does so where the slow instance is not even busy, seed %d', async (seed) => {
    const idle = { ...slow, load: 0.05, to: 20, end: 20 };
    const [theirs, ours] = [await simulate(idle, ROUND_ROBIN, seed), await simulate(idle, subject('p2c'), seed)];
    expect(theirs.p99Ms / ours.p99Ms, `seed ${seed}`).toBeGreaterThanOrEqual(3);
  });

  it.each(SEEDS)('has instances that failed back at work ten seconds after they healed, seed %d', async (seed) => {
    const healing: Scenario = {
      ...short('failing-instances', (stage) => {
        const failed = stage.servers.slice(0, 3);
        for (const each of failed) each.failing = true;
        stage.time.after(10_000, () => failed.forEach((each) => (each.failing = false)));
      }),
      load: 0.3,
      from: 21,
      to: 24,
      end: 24,
    };
    const { loads } = await simulate(healing, subject('p2c'), seed);
    for (const load of loads.slice(0, 3)) expect(load, `seed ${seed}: ${loads.join()}`).toBeGreaterThan(0.5);
  });

  it.each(SEEDS)('has a zone that was silent back at work ten seconds after it is back, seed %d', async (seed) => {
    const healing: Scenario = {
      ...short('zone-loss', ({ fleet, time }) => {
        const lost = fleet.inZone('a');
        for (const each of lost) each.silent = true;
        time.after(8000, () => lost.forEach((each) => (each.silent = false)));
      }),
      load: 0.3,
      from: 19,
      to: 22,
      end: 22,
    };
    const { loads } = await simulate(healing, subject('p2c'), seed);
    for (const load of loads.filter((_, i) => i % 3 === 0))
      expect(load, `seed ${seed}: ${loads.join()}`).toBeGreaterThan(0.6);
  });

  it.each(SEEDS)('does not herd where all are well and busy, seed %d', async (seed) => {
    const busy = { ...scenario('steady'), load: 0.9, from: 1, to: 6, end: 6 };
    const [theirs, ours] = [await simulate(busy, ROUND_ROBIN, seed), await simulate(busy, subject('p2c'), seed)];
    expect(ours.loadMaxMean, `seed ${seed}`).toBeLessThan(1.2);
    expect(ours.p99Ms / theirs.p99Ms, `seed ${seed}`).toBeLessThan(1.25);
  });
});

describe.each(OURS)('$name', (ours) => {
  it('keeps calls from instances that refuse them, where round_robin gives them their share', async () => {
    const [theirs, own] = [await simulate(failing, ROUND_ROBIN, 1), await simulate(failing, ours, 1)];
    expect(theirs.failed / theirs.calls).toBeGreaterThan(0.28);
    expect(own.failed / own.calls).toBeLessThan(0.03);
    expect(own.attemptsPerCall).toBeGreaterThan(1);
    for (const load of own.loads.slice(0, 3)) expect(load).toBeLessThan(0.1);
  });

  it('keeps calls from a zone that has fallen silent, with a preference for it and without', async () => {
    const theirs = await simulate(silent, ROUND_ROBIN, 1);
    expect(theirs.failed / theirs.calls).toBeGreaterThan(0.3);
    for (const prefersZone of [false, true]) {
      const own = await simulate({ ...silent, prefersZone }, ours, 1);
      expect(own.failed, `${prefersZone}`).toBeLessThan(theirs.failed / 2);
    }
  });
});
