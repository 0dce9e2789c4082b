import { describe, expect, it } from 'vitest';
import { BalancerStage } from './balancer.stage.js';
import { RookeryError } from './errors.js';
import type { InstanceInit } from './instance.js';
import { consistentHash } from './pickers/consistent-hash.js';
import { QUARANTINE_MS } from './quarantine.js';
import { checkSubset } from './subset.js';

it('is not made for a picker by key: clients would not agree', () => {
  const stage = new BalancerStage({ picker: consistentHash() });
  for (const id of ids(300)) stage.set(id);
  expect(stage.connected.size).toBe(300);
});

const ids = (count: number, prefix = 'i') => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

/** A fleet of which the balancer connects to three of each group, in the order in which it prefers them. */
function staged(count: number, init: Partial<InstanceInit> = {}, subset = 3) {
  const stage = new BalancerStage({ subset });
  const ranked = stage.byRank(ids(count));
  const all = ids(count).map((id) => ({ type: 'set' as const, instance: stage.instance(id, init) }));
  stage.directory.tell('s', ...all);
  return { stage, ranked };
}

/** As `staged`, where whatever is connected is ready. */
function settled(count: number, init: Partial<InstanceInit> = {}, subset = 3) {
  const made = staged(count, init, subset);
  made.stage.connect();
  return made;
}

const sorted = (some: Iterable<string>) => [...some].sort();

describe('a subset', () => {
  it('is the whole group where that is not larger', () => {
    const { stage } = staged(3);
    expect(stage.links).toEqual(['open i0:1', 'open i1:1', 'open i2:1']);
  });

  it('is the first ones by rank, of each group', () => {
    const { stage, ranked } = staged(20);
    expect(stage.connected).toEqual(new Set(ranked.slice(0, 3)));
    const others = ids(10, 'other');
    for (const id of others) stage.set(id, { group: 'A' });
    stage.connect();
    expect(sorted(stage.connected)).toEqual(sorted([...ranked.slice(0, 3), ...stage.byRank(others).slice(0, 3)]));
  });

  it('is everything where it is Infinity', () => {
    expect(staged(300, {}, Infinity).stage.connected.size).toBe(300);
  });

  it('is of 200 where nothing is said', () => {
    const stage = new BalancerStage();
    for (const id of ids(250)) stage.set(id);
    stage.connect();
    expect(stage.connected).toEqual(new Set(stage.byRank(ids(250)).slice(0, 200)));
  });

  it('takes the calls', () => {
    const { stage, ranked } = settled(20);
    expect(sorted(Object.keys(stage.picks(30)))).toEqual(sorted(ranked.slice(0, 3)));
  });

  it('has one more where one leaves, and one less where one comes', () => {
    const { stage, ranked } = settled(20);
    const links = stage.links.length;
    stage.remove(ranked[1]!);
    expect(stage.links.slice(links)).toEqual([`close ${ranked[1]}:1`, `open ${ranked[3]}:1`]);
    stage.report(ranked[3]!, 'ready');
    stage.set(ranked[1]!);
    stage.report(ranked[1]!, 'ready');
    expect(stage.connected).toEqual(new Set(ranked.slice(0, 3)));
  });

  it('does not change where somebody comes or leaves who ranks behind it', () => {
    const { stage, ranked } = settled(20);
    const links = stage.links.length;
    stage.remove(ranked[10]!);
    stage.set(ranked[10]!);
    stage.set(ranked[11]!, { weight: 7 });
    expect(stage.links).toHaveLength(links);
  });

  it('keeps one that is ready until the newcomer is', () => {
    const { stage, ranked } = settled(20);
    stage.remove(ranked[0]!);
    stage.report(ranked[3]!, 'ready');
    stage.set(ranked[0]!);
    expect(stage.connected).toEqual(new Set(ranked.slice(0, 4)));
    expect(sorted(Object.keys(stage.picks(12)))).toEqual(sorted(ranked.slice(1, 4)));
    stage.report(ranked[0]!, 'ready');
    expect(stage.connected).toEqual(new Set(ranked.slice(0, 3)));
    expect(stage.endpoint(`${ranked[3]}:1`)).toMatchObject({ state: 'idle', connection: undefined });
    expect(stage.events.at(-1)).toMatchObject({ id: ranked[3], state: 'idle', previous: 'ready' });
  });

  it.each(['failed', 'unhealthy', 'impostor'] as const)('replaces one that is %s until it is ready again', (state) => {
    const { stage, ranked } = settled(20);
    stage.report(ranked[0]!, state);
    expect(stage.connected).toEqual(new Set(ranked.slice(0, 4)));
    stage.report(ranked[3]!, 'ready');
    expect(sorted(Object.keys(stage.picks(12)))).toEqual(sorted(ranked.slice(1, 4)));
    stage.report(ranked[0]!, 'connecting');
    expect(stage.connected.size).toBe(4);
    stage.report(ranked[0]!, 'ready');
    expect(stage.connected).toEqual(new Set(ranked.slice(0, 3)));
  });

  it('lets go of one that failed behind the last that is needed', () => {
    const { stage, ranked } = settled(20);
    stage.report(ranked[0]!, 'failed');
    stage.report(ranked[3]!, 'failed');
    stage.report(ranked[4]!, 'ready');
    expect(stage.connected).toEqual(new Set(ranked.slice(0, 5)));
    stage.report(ranked[0]!, 'ready');
    expect(stage.connected).toEqual(new Set(ranked.slice(0, 3)));
    stage.report(ranked[3]!, 'ready');
    expect(stage.endpoint(`${ranked[3]}:1`).state).toBe('idle');
  });

  it('replaces one that says it drains, and keeps its connection', () => {
    const { stage, ranked } = settled(20);
    stage.balancer.reportDraining(stage.endpoint(`${ranked[0]}:1`));
    expect(stage.connected).toEqual(new Set(ranked.slice(0, 4)));
  });

  it('does not replace one that is only suspect', () => {
    const { stage, ranked } = settled(20);
    const one = stage.endpoint(`${ranked[0]}:1`);
    stage.start(ranked[0]!);
    stage.start(ranked[1]!);
    for (let i = 0; i < 40; i += 1) {
      stage.received[`${ranked[1]}:1`] = i + 1;
      stage.time.advance(50);
    }
    expect(one.suspect).toBe(true);
    expect(stage.connected).toEqual(new Set(ranked.slice(0, 3)));
  });
});

describe('instances that can take no calls', () => {
  it.each([{ weight: 0 }, { status: 'draining' as const }])(
    'with %j are replaced, and keep their connection',
    (off) => {
      const { stage, ranked } = settled(20);
      const links = stage.links.length;
      for (const id of ranked.slice(0, 3)) stage.set(id, off);
      expect(stage.connected).toEqual(new Set(ranked.slice(0, 6)));
      for (const id of ranked.slice(3, 6)) stage.report(id, 'ready');
      expect(sorted(Object.keys(stage.picks(12)))).toEqual(sorted(ranked.slice(3, 6)));
      for (const id of ranked.slice(0, 3)) stage.set(id);
      expect(stage.connected).toEqual(new Set(ranked.slice(0, 3)));
      const opened = stage.links.slice(links).filter((link) => link.startsWith('open'));
      expect(opened).toEqual(ranked.slice(3, 6).map((id) => `open ${id}:1`));
    },
  );

  it('are connected to only among the first', () => {
    const { stage, ranked } = staged(20, { weight: 0 });
    expect(stage.connected).toEqual(new Set(ranked.slice(0, 3)));
    stage.set(ranked[19]!);
    expect(stage.connected).toEqual(new Set([...ranked.slice(0, 3), ranked[19]!]));
  });
});

describe('a group of which all that is connected has failed', () => {
  it('is gone through until somebody serves, a few at a time, and calls wait for that', () => {
    const { stage, ranked } = staged(50);
    const call = stage.call();
    for (const id of ranked.slice(0, 49)) {
      expect(stage.pick(call)).toBe('wait');
      const connecting = [...stage.balancer.endpoints()].filter(({ state }) => state === 'connecting');
      expect(connecting.length).toBeLessThanOrEqual(3);
      stage.report(id, 'failed', 'refused');
    }
    stage.report(ranked[49]!, 'ready');
    expect(stage.pick(call)).toBe(ranked[49]);
  });

  it('is missing once all of it has failed, and calls do not wait', () => {
    const { stage, ranked } = staged(10);
    for (const id of ranked) stage.report(id, 'failed');
    expect(stage.pick()).toBe('ROOKERY_GROUP_MISSING');
    expect(stage.balancer.state).toBe('failed');
  });
});

describe('a group of which more have failed than a client connects to', () => {
  /** Of ten, all failed. */
  function failed() {
    const made = staged(10);
    for (const id of made.ranked) made.stage.report(id, 'failed', 'refused');
    return made;
  }

  it('is tried a few at a time, in turn', () => {
    const { stage, ranked } = failed();
    expect(stage.connected).toEqual(new Set(ranked.slice(7)));
    const tried = new Set<string>();
    for (let turn = 0; turn < 4; turn += 1) {
      stage.time.advance(2500);
      expect(stage.connected.size).toBe(3);
      for (const id of stage.connected) tried.add(id);
    }
    expect(sorted(tried)).toEqual(sorted(ranked));
  });

  it('has no call wait for those that are tried again', () => {
    const { stage } = failed();
    stage.time.advance(2500);
    for (const id of stage.connected) stage.report(id, 'connecting');
    expect(stage.pick()).toBe('ROOKERY_GROUP_MISSING');
    expect(stage.failure()).toContain('refused');
  });

  it('serves once one of them does, and is as before once enough do', () => {
    const { stage, ranked } = failed();
    stage.time.advance(2500);
    const [back] = [...stage.connected];
    stage.report(back!, 'ready');
    expect(stage.pick()).toBe(back);
    for (let turn = 0; turn < 20; turn += 1) {
      stage.time.advance(2500);
      stage.connect();
    }
    expect(sorted(stage.connected)).toEqual(sorted(ranked.slice(0, 3)));
    expect([...stage.balancer.endpoints()].filter(({ state }) => state === 'idle')).toHaveLength(7);
    expect(stage.time.timers).toBe(0);
  });

  it('keeps nobody busy once it is gone, or the balancer is closed', () => {
    const { stage, ranked } = failed();
    for (const id of ranked) stage.remove(id);
    stage.time.advance(5000);
    expect(stage.time.timers).toBe(0);
    const other = failed().stage;
    other.balancer.close();
    expect(other.time.timers).toBe(0);
  });
});

describe('with a subset', () => {
  it('an instance takes its connection along into another group where it is chosen in both', () => {
    const { stage, ranked } = settled(20);
    const links = stage.links.length;
    stage.set(ranked[0]!, { group: 'A' });
    expect(stage.links.slice(links)).toEqual([`changed ${ranked[0]}:1`, `open ${ranked[3]}:1`]);
    expect(stage.pick(stage.call({ groups: ['A'] }))).toBe(ranked[0]);
  });

  it('an instance is let go where it is not chosen in its new group', () => {
    const { stage, ranked } = settled(8);
    for (const id of ranked.slice(0, 4)) stage.set(id, { group: 'A' });
    stage.connect();
    stage.set(ranked[4]!, { group: 'A' });
    expect(sorted(stage.connected)).toEqual(sorted([...ranked.slice(0, 3), ...ranked.slice(5)]));
    stage.set(ranked[3]!);
    expect(stage.connected.has(ranked[3]!)).toBe(true);
  });

  it('calls that run on one that is let go end where they ran', () => {
    const { stage, ranked } = settled(20);
    stage.report(ranked[0]!, 'failed');
    stage.report(ranked[3]!, 'ready');
    stage.start(ranked[3]!);
    stage.report(ranked[0]!, 'ready');
    const idle = stage.endpoint(`${ranked[3]}:1`);
    expect(idle).toMatchObject({ state: 'idle', running: 1 });
    stage.end(ranked[3]!);
    expect(idle.running).toBe(0);
    stage.time.advance(10_000);
    expect(stage.time.timers).toBe(0);
  });

  it('replaces one that is ejected until it is restored', () => {
    const { stage, ranked } = settled(20);
    for (let i = 0; i < 5; i += 1) {
      stage.start(ranked[0]!);
      stage.end(ranked[0]!, { code: 14 });
    }
    expect(stage.connected).toEqual(new Set(ranked.slice(0, 4)));
    stage.report(ranked[3]!, 'ready');
    stage.time.advance(5000);
    expect(stage.connected).toEqual(new Set(ranked.slice(0, 3)));
  });

  it('what the registry loses is kept where it is connected, and gone where it is not', () => {
    const { stage, ranked } = settled(20);
    stage.lose(...ids(20));
    stage.time.advance(5 * QUARANTINE_MS);
    expect(sorted(Object.keys(stage.picks(12)))).toEqual(sorted(ranked.slice(0, 3)));
    expect([...stage.balancer.endpoints()]).toHaveLength(3);
    for (const id of ids(20)) stage.set(id);
    expect(stage.connected).toEqual(new Set(ranked.slice(0, 3)));
    expect(stage.links.filter((link) => link.startsWith('close'))).toEqual([]);
  });

  it('what the registry has lost is not connected to again once it is let go', () => {
    const { stage, ranked } = settled(3);
    stage.lose(ranked[2]!);
    const better = stage.byRank([...ids(60, 'new'), ranked[2]!]).slice(0, 3);
    expect(better).not.toContain(ranked[2]);
    for (const id of better) stage.ready('', id);
    expect(stage.connected.has(ranked[2]!)).toBe(false);
    expect([...stage.balancer.endpoints()].map(({ address }) => address)).not.toContain(`${ranked[2]}:1`);
  });

  it('an address is connected to once, whatever entries name it, in the group of the newest', () => {
    const { stage, ranked } = settled(20);
    const links = stage.links.length;
    stage.set('shadow', { address: `${ranked[0]}:1`, group: 'A' });
    expect(stage.links.slice(links)).toEqual([`changed ${ranked[0]}:1`, `open ${ranked[3]}:1`]);
    stage.report(ranked[3]!, 'ready');
    stage.remove('shadow');
    expect(stage.connected).toEqual(new Set(ranked.slice(0, 3)));
  });

  it('an instance that moves takes the rank of its new address', () => {
    const { stage, ranked } = settled(20);
    stage.set(ranked[0]!, { address: 'elsewhere:1' });
    const now = stage.byRank([...ranked.slice(1), 'elsewhere']).slice(0, 3);
    stage.connect();
    expect(sorted(stage.connected)).toEqual(sorted(now));
  });

  it('what a connection says that was let go is not heard', () => {
    const { stage, ranked } = settled(20);
    stage.report(ranked[7]!, 'ready');
    expect(stage.endpoint(`${ranked[7]}:1`).state).toBe('idle');
    expect(Object.keys(stage.picks(12))).not.toContain(ranked[7]);
  });

  it('closing opens nothing', () => {
    const { stage } = settled(20);
    const opened = stage.links.length;
    stage.balancer.close();
    expect(stage.links.slice(opened).filter((link) => link.startsWith('open'))).toEqual([]);
    expect(stage.connected.size).toBe(0);
  });
});

describe('checkSubset', () => {
  it('takes whole numbers from 1, and 0 and false for all', () => {
    expect([1, 200, 0, false].map((value) => checkSubset(value, 'subset'))).toEqual([1, 200, Infinity, Infinity]);
  });

  it.each([-1, 1.5, NaN, Infinity, '3', true, null])('refuses %j', (value) => {
    expect(() => checkSubset(value, 'here.subset')).toThrow(RookeryError);
    expect(() => checkSubset(value, 'here.subset')).toThrow(/here\.subset.*whole number/s);
  });
});
