import { describe, expect, it } from 'vitest';
import { seededRandom } from '../testing/seeded-random.js';
import { BalancerStage } from './balancer.stage.js';
import { HOPELESS, type Endpoint, type EndpointState } from './endpoint.js';
import { isServing } from './instance.js';
import type { Candidate, Picker, PickerFactory } from './picker.js';
import { weighted } from './pickers/weighted.js';

const IDS = Array.from({ length: 12 }, (_, i) => `i${i}`);
const GROUPS = ['', 'A', '*'];
const STATES: readonly EndpointState[] = ['connecting', 'verifying', 'ready', 'ready', 'ready', 'unhealthy', 'failed'];
const CODES = [0, 5, 13, 14, 14, 14, 14];

/** A picker that says who is in it. */
function watched<C extends Candidate>(picker: Picker<C>, content: Set<C>): Picker<C> {
  return {
    add: (c) => (content.add(c), picker.add(c)),
    remove: (c) => (content.delete(c), picker.remove(c)),
    reweigh: (c) => (expect(content).toContain(c), picker.reweigh(c)),
    pick: (request) => picker.pick(request),
  };
}

class Schedule {
  readonly contents: Set<unknown>[] = [];
  readonly factory: PickerFactory = (random) => {
    const content = new Set<never>();
    this.contents.push(content);
    return watched(weighted(random), content);
  };
  readonly stage = new BalancerStage({
    picker: this.factory,
    warmUpMs: 3000,
    ejection: { consecutiveFailures: 3, baseEjectionMs: 3000 },
  });
  readonly #random;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  one<T>(of: readonly T[]): T {
    return of[Math.floor(this.#random() * of.length)]!;
  }

  endpoints(group: string): readonly Endpoint[] {
    const all = [...this.stage.balancer.endpoints()];
    return group === '*' ? all : all.filter(({ instance }) => instance.group === group);
  }

  step(): void {
    const { stage } = this;
    const id = this.one(IDS);
    const there = [...stage.balancer.endpoints()].some(({ instance }) => instance.id === id);
    const draw = this.#random();
    if (!there || draw < 0.05) return stage.set(id, this.#entry());
    if (draw < 0.08) return stage.remove(id);
    if (draw < 0.1) return stage.lose(id);
    if (draw < 0.25) return stage.report(id, this.one(STATES));
    if (draw < 0.27) return stage.balancer.reportDraining(stage.endpoint(`${id}:1`));
    if (draw < 0.5) return stage.time.advance(Math.floor(this.#random() * 400));
    const code = this.one(CODES);
    const calls = Math.ceil(this.#random() * 6);
    for (let i = 0; i < calls; i += 1) {
      stage.start(id);
      stage.time.advance(1);
      stage.end(id, { code });
    }
  }

  #entry() {
    const group = this.one(['', '', 'A']);
    const generation = this.one(['one', 'one', 'one', 'two']);
    return { group, generation, weight: this.one([0, 100, 100, 100, 300]) };
  }
}

const hopeful = (e: Endpoint) => isServing(e.instance) && !e.draining && !HOPELESS.includes(e.state);
const usable = (e: Endpoint) => hopeful(e) && e.state === 'ready' && !e.suspect;
const isEjected = (e: Endpoint) => e.ejectedUntil !== undefined;

describe.each([1, 2, 3, 4])('seed %i, 2500 random steps, after each of which', (seed) => {
  it('at most half of a group is ejected, those who can take calls do, and somebody is found', () => {
    const schedule = new Schedule(seed);
    const { stage } = schedule;
    stage.pick(stage.call({ groups: ['*'] }));
    for (let i = 0; i < 2500; i += 1) {
      schedule.step();
      for (const group of GROUPS) check(schedule, group, `seed ${seed}, step ${i}, group ${JSON.stringify(group)}`);
      const inPickers = schedule.contents.reduce((sum, content) => sum + content.size, 0);
      // Each stands in the picker of its group, and in that of all.
      expect(inPickers, `seed ${seed}, step ${i}`).toBe(2 * schedule.endpoints('*').filter(usable).length);
    }
    expect(new Set(stage.events.map(({ type }) => type))).toEqual(
      new Set(['endpoint.changed', 'endpoint.ejected', 'endpoint.restored', 'group.panicked', 'view.protected']),
    );
    expect(stage.events.filter(({ type }) => type === 'endpoint.ejected').length).toBeGreaterThan(30);
  });
});

function check({ stage, ...schedule }: Schedule, group: string, place: string): void {
  const all = [...stage.balancer.endpoints()].filter((e) => group === '*' || e.instance.group === group);
  if (group !== '*') {
    const ejected = all.filter((e) => hopeful(e) && isEjected(e)).length;
    expect(ejected, place).toBeLessThanOrEqual(Math.floor(all.filter(hopeful).length / 2));
  }
  const able = all.filter(usable);
  const inUse = able.some((e) => !isEjected(e)) ? able.filter((e) => !isEjected(e)) : able;
  if (inUse.length === 0) return;
  expect(
    schedule.contents.map((content) => [...content]).filter((content) => same(content, inUse)).length,
    place,
  ).toBeGreaterThan(0);
  const picked = new Set<string>();
  for (let i = 0; i < 3; i += 1) picked.add(stage.pick(stage.call({ groups: [group] })));
  for (const id of picked)
    expect(
      inUse.map(({ instance }) => instance.id),
      place,
    ).toContain(id);
}

function same(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && b.every((each) => a.includes(each));
}
