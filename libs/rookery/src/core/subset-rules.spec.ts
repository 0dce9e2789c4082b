import { describe, expect, it } from 'vitest';
import { seededRandom } from '../testing/seeded-random.js';
import { BalancerStage } from './balancer.stage.js';
import { HOPELESS, type Endpoint, type EndpointState } from './endpoint.js';
import { isServing } from './instance.js';

const SIZE = 5;
const GROUPS = ['', 'A'];
const STATES: readonly EndpointState[] = [
  'connecting',
  'verifying',
  'ready',
  'ready',
  'unhealthy',
  'failed',
  'impostor',
];

const fails = ({ state }: Endpoint) => HOPELESS.includes(state);
const takesCalls = (one: Endpoint) =>
  isServing(one.instance) && !one.draining && (fails(one) || one.ejectedUntil === undefined);
const hopeful = (one: Endpoint) => takesCalls(one) && !fails(one);
const ready = (one: Endpoint) => hopeful(one) && one.state === 'ready' && !one.suspect;

/** Whatever is wrong with who is connected of a group; they are given by rank. */
function wrongIn(group: readonly Endpoint[], size: number): string[] {
  const wrong: string[] = [];
  const before = { any: 0, hopeful: 0, ready: 0, trying: 0, resting: 0 };
  for (const one of group) {
    const connected = one.connection !== undefined;
    const needed = before.hopeful < size;
    const stays = needed || (ready(one) && before.ready < size);
    const failed = takesCalls(one) && fails(one);
    before.trying += failed && connected ? 1 : 0;
    before.resting += failed && !connected ? 1 : 0;
    if (needed && !connected && !failed && (takesCalls(one) || before.any < size))
      wrong.push(`${one.address} is missing`);
    if (connected && !stays) wrong.push(`${one.address} is one too many`);
    if (!failed && takesCalls(one) && connected === (one.state === 'idle'))
      wrong.push(`${one.address} is ${one.state}`);
    before.any += 1;
    before.hopeful += hopeful(one) ? 1 : 0;
    before.ready += ready(one) ? 1 : 0;
  }
  if (before.trying > size) wrong.push(`${before.trying} try`);
  if (before.resting > 0 && group.length <= size) wrong.push(`${before.resting} rest`);
  return wrong;
}

const TOLD = ['connecting', 'verifying', 'ready', 'unhealthy', 'failed', 'impostor'] as const;

class Fleet {
  readonly stage: BalancerStage;
  readonly #random: () => number;
  readonly #ids: readonly string[];
  readonly #gauge = { idle: 0, connecting: 0, verifying: 0, ready: 0, unhealthy: 0, failed: 0, impostor: 0 };

  constructor(seed: number, instances: number) {
    this.stage = new BalancerStage({ subset: SIZE });
    this.#random = seededRandom(seed);
    this.#ids = this.stage.byRank(Array.from({ length: instances }, (_, i) => `i${i}`));
  }

  get #endpoints(): Endpoint[] {
    const byAddress = new Map([...this.stage.balancer.endpoints()].map((one) => [one.address, one]));
    return this.#ids.flatMap((id) => byAddress.get(`${id}:1`) ?? []);
  }

  #any<T>(some: readonly T[]): T {
    return some[Math.floor(this.#random() * some.length)]!;
  }

  /** One change of any kind, and what it was. */
  step(): string {
    const id = this.#any(this.#ids);
    const connected = [...this.stage.connected];
    const kind = this.#random();
    if (kind < 0.5 && connected.length > 0) {
      const [one, state] = [this.#any(connected), this.#any(STATES)];
      this.stage.report(one, state);
      return `${one} is ${state}`;
    }
    if (kind < 0.6) {
      this.stage.remove(id);
      return `${id} leaves`;
    }
    if (kind < 0.65) {
      this.stage.lose(id);
      return `${id} is lost`;
    }
    if (kind < 0.7 && connected.length > 0) {
      const one = this.#any(connected);
      this.stage.balancer.reportDraining(this.stage.endpoint(`${one}:1`));
      return `${one} drains`;
    }
    if (kind < 0.75) {
      this.stage.time.advance(1000);
      return 'time passes';
    }
    const group = this.#any(GROUPS);
    const weight = this.#any([100, 100, 100, 1, 0]);
    const status = this.#any(['up', 'up', 'up', 'draining'] as const);
    this.stage.set(id, { group, weight, status });
    return `${id} is of '${group}', ${weight}, ${status}`;
  }

  wrong(): string[] {
    const all = this.#endpoints;
    const wrong = GROUPS.flatMap((group) =>
      wrongIn(
        all.filter(({ instance }) => instance.group === group),
        SIZE,
      ),
    );
    return [...wrong, ...this.#wronglyTold(all)];
  }

  /** Who counts endpoints by what is told of them counts those that there are. */
  #wronglyTold(all: readonly Endpoint[]): string[] {
    const { events } = this.stage;
    for (const event of events.splice(0)) {
      if (event.type !== 'endpoint.changed') continue;
      this.#gauge[event.previous] -= 1;
      this.#gauge[event.state] += 1;
    }
    return TOLD.flatMap((state) => {
      const [told, real] = [this.#gauge[state], all.filter((one) => one.state === state).length];
      return told === real ? [] : [`${told} are told to be ${state}, and ${real} are`];
    });
  }
}

describe('the rules of a subset', () => {
  it.each([1, 2, 3, 4])('hold after each of ten thousand random changes: seed %d', (seed) => {
    const fleet = new Fleet(seed, 40);
    for (let step = 0; step < 10_000; step += 1) {
      const change = fleet.step();
      const wrong = fleet.wrong();
      if (wrong.length > 0) expect.fail(`seed ${seed}, step ${step}, ${change}: ${wrong.join(', ')}`);
    }
  });

  it.each([1, 2, 3])('change one connection where one instance comes or leaves: seed %d', (seed) => {
    const stage = new BalancerStage({ subset: 10 });
    const random = seededRandom(seed);
    const ids = Array.from({ length: 100 }, (_, i) => `i${i}`);
    const present = new Set<string>();
    for (let step = 0; step < 2000; step += 1) {
      const id = ids[Math.floor(random() * ids.length)]!;
      const before = new Set(stage.connected);
      if (present.delete(id)) stage.remove(id);
      else {
        present.add(id);
        stage.set(id, { weight: 1 + Math.floor(random() * 100) });
      }
      const where = `seed ${seed}, step ${step}`;
      const came = [...stage.connected].filter((one) => !before.has(one));
      expect(came.length, where).toBeLessThanOrEqual(1);
      for (const one of came) stage.report(one, 'ready');
      const left = [...before].filter((one) => !stage.connected.has(one));
      expect(left.length, where).toBeLessThanOrEqual(1);
      expect(stage.connected, where).toEqual(new Set(stage.byRank(present).slice(0, 10)));
    }
  });

  it('spread many clients evenly', () => {
    const counts = new Map<string, number>();
    for (let seed = 0; seed < 200; seed += 1) {
      const stage = new BalancerStage({ subset: 10, seed });
      for (let i = 0; i < 100; i += 1) stage.set(`i${i}`);
      for (const id of stage.byRank(Array.from({ length: 100 }, (_, i) => `i${i}`)).slice(0, 10)) {
        expect(stage.connected.has(id)).toBe(true);
        counts.set(id, (counts.get(id) ?? 0) + 1);
      }
      stage.balancer.close();
    }
    // 20 each on the average; four times its deviation of 4.2.
    expect(counts.size).toBe(100);
    for (const [id, count] of counts) expect(Math.abs(count - 20), `${id}: ${count}`).toBeLessThan(17);
  });
});
