import { describe, expect, it } from 'vitest';
import { memory } from '../registries/memory.js';
import { fakeTime } from '../testing/fake-time.js';
import { manualRegistry } from '../testing/manual-registry.js';
import { seededRandom } from '../testing/seeded-random.js';
import { eventually } from '../testing/eventually.js';
import { BalancerStage } from './balancer.stage.js';
import { createDirectory } from './directory.js';
import type { ExplainCall } from './explain.js';
import { ANY_GROUP } from './instance.js';
import type { PickerFactory } from './picker.js';
import { weighted } from './pickers/weighted.js';
import { whyOf, WHY } from './why.js';
import { Endpoint } from './endpoint.js';

/** What keeps each instance from the call: its codes, or `pickable`. */
function reasons(stage: BalancerStage, call: ExplainCall = {}): Record<string, string> {
  const { instances } = stage.directory.explain('s', call);
  return Object.fromEntries(
    instances.map(({ id, pickable, channels }) => {
      const codes = channels.flatMap(({ why }) => why.map(({ code }) => code));
      return [id, [...(pickable ? ['pickable'] : []), ...codes].join(' ')];
    }),
  );
}
const explained = (stage: BalancerStage, call?: ExplainCall) => {
  const [channel] = stage.directory.explain('s', call).channels;
  if (!channel) throw new Error('There is no channel.');
  return channel;
};
const plan = (stage: BalancerStage, call?: ExplainCall) =>
  explained(stage, call).groups.map(({ group, rule, state, share }) =>
    [group, rule, state, ...(share === undefined ? [] : [share])].join(' '),
  );

describe('why an instance gets no call', () => {
  it('says for each what stands in its way', () => {
    const stage = new BalancerStage();
    stage.ready('', 'good', 'empty', 'stopping', 'leaving', 'silent', 'lost');
    stage.ready('A', 'elsewhere');
    for (const id of ['new', 'asked', 'down', 'ill', 'false']) stage.set(id);
    stage.set('empty', { weight: 0 });
    stage.set('stopping', { status: 'draining' });
    stage.balancer.reportDraining(stage.endpoint('leaving:1'));
    stage.endpoint('silent:1').suspect = true;
    stage.report('asked', 'verifying');
    stage.report('down', 'failed', 'connect ECONNREFUSED 10.0.0.1:1');
    stage.report('ill', 'unhealthy', 'it says NOT_SERVING');
    stage.report('false', 'impostor', 'it hosts another service');
    stage.lose('lost');
    stage.set('old', { address: 'shared:1' });
    stage.set('newer', { address: 'shared:1' });
    stage.report('shared', 'ready');
    expect(reasons(stage)).toEqual({
      good: 'pickable',
      empty: 'weight',
      stopping: 'draining',
      leaving: 'draining',
      silent: 'suspect',
      lost: 'pickable quarantined',
      elsewhere: 'group',
      new: 'connecting',
      asked: 'verifying',
      down: 'failed',
      ill: 'unhealthy',
      false: 'impostor',
      old: 'shadowed',
      newer: 'pickable',
    });
    const down = stage.directory.explain('s').instances.find(({ id }) => id === 'down')!;
    expect(down).toMatchObject({ address: 'down:1', channels: [{ channel: 1, state: 'failed', running: 0 }] });
    expect(down.channels[0]!.why[0]!.text).toMatch(/^It could not be reached .*: connect ECONNREFUSED <address>\.$/);
  });

  it('agrees with the picks, whatever has happened', () => {
    const random = seededRandom(7);
    const stage = new BalancerStage();
    const ids = Array.from({ length: 12 }, (_, i) => `i${i}`);
    const states = ['connecting', 'verifying', 'ready', 'ready', 'ready', 'unhealthy', 'failed'] as const;
    for (let step = 0; step < 300; step += 1) {
      const id = ids[Math.floor(random() * ids.length)]!;
      stage.set(id, { group: random() < 0.5 ? 'A' : '', weight: random() < 0.2 ? 0 : 100 });
      stage.report(id, states[Math.floor(random() * states.length)]!);
      const group = random() < 0.5 ? ['A', ''] : ['*'];
      const { instances, channels } = stage.directory.explain('s', { group });
      const expected = instances.filter(({ pickable }) => pickable).map((instance) => instance.id);
      const picked = Object.keys(stage.picks(60, { groups: group }));
      const { outcome } = channels[0]!;
      const place = `seed 7, step ${step}`;
      if (outcome.result === 'pick') expect(picked.toSorted(), place).toEqual(expected.toSorted());
      else expect([picked, expected], place).toEqual([[outcome.result === 'wait' ? 'wait' : outcome.reason], []]);
    }
  });

  it('has a reason for every state that is not ready', () => {
    const stage = new BalancerStage();
    const endpoint = new Endpoint(stage.instance('a'), { ms: 0 });
    const codes = (zone?: string) => whyOf(endpoint, { now: 0, zone }).map(({ code }) => code);
    expect(codes()).toEqual(['subset']);
    endpoint.state = 'connecting';
    expect(codes()).toEqual(['connecting']);
    endpoint.state = 'ready';
    expect(codes()).toEqual([]);
    endpoint.ejectedUntil = 1500;
    endpoint.ejectedFor = 'consecutive-failures';
    endpoint.warmth = 0.25;
    expect(whyOf(endpoint, { now: 0, zone: 'a' }).map(({ text }) => text)).toEqual([
      'Too many of its calls or connections failed; it is set aside while its group has others: consecutive-failures, for 2 s more.',
      'It joined lately, and a part of its weight counts: 25 %.',
      'It stands in another zone than the client, whose own comes first while enough of it is usable: it names none.',
    ]);
    expect(Object.values(WHY).every((text) => text.endsWith('.'))).toBe(true);
  });

  it('says that a channel keeps no connection where it has none', () => {
    const stage = new BalancerStage();
    stage.ready('', 'a');
    stage.balancer.close();
    const { instances, channels } = stage.directory.explain('s');
    expect(channels).toEqual([]);
    expect(instances).toMatchObject([{ id: 'a', pickable: false, channels: [] }]);
  });

  it('names the ejected pickable only where all that the call asks are, whichever groups they are of', () => {
    const stage = new BalancerStage({ ejection: { consecutiveFailures: 1 } });
    const eject = (id: string) => (stage.time.advance(1), stage.start(id), stage.end(id, { code: 14 }));
    stage.ready('A', 'a1', 'a2');
    stage.ready('B', 'b1', 'b2');
    eject('a1');
    stage.report('a2', 'connecting');
    stage.route({ type: 'any' });
    const others = { a2: 'connecting', b2: 'pickable' };
    expect(reasons(stage)).toEqual({ a1: 'ejected', b1: 'pickable', ...others });
    expect(stage.picks(100)).toEqual({ b1: 50, b2: 50 });
    expect(reasons(stage, { group: 'A' })).toMatchObject({ a1: 'pickable ejected', a2: 'connecting' });
    eject('b1');
    stage.report('b2', 'connecting');
    expect(reasons(stage)).toMatchObject({ a1: 'pickable ejected', b1: 'pickable ejected' });
    expect(stage.picks(100)).toEqual({ a1: 50, b1: 50 });
  });

  it('counts the zone over all groups where the call asks for any, and makes no picker', () => {
    let pickers = 0;
    const picker: PickerFactory = (random) => (pickers++, weighted(random));
    const stage = new BalancerStage({ zone: 'near', picker });
    for (const id of ['a', 'b']) stage.set(id, { group: id, zone: 'near' });
    stage.set('c', { group: 'a', zone: 'far' });
    stage.connect();
    const made = pickers;
    const all = { a: 'pickable', b: 'pickable', c: 'pickable zone' };
    expect(reasons(stage, { group: ANY_GROUP })).toEqual(all);
    expect(explained(stage, { group: ANY_GROUP }).groups).toMatchObject([{ state: 'usable', instances: 3, usable: 3 }]);
    expect(reasons(stage, { group: 'a' })).toEqual({ a: 'pickable', b: 'group', c: 'pickable' });
    expect(pickers).toBe(made);
    expect(stage.picks(100, { groups: [ANY_GROUP] })).toEqual({ a: 50, b: 50 });
    expect(reasons(stage, { group: ANY_GROUP })).toEqual(all);
  });
});

describe('the groups of a call, and who named them', () => {
  it('are its own, else those of the lane and the client, else those of the route, else the ungrouped', () => {
    const stage = new BalancerStage({ groups: ['B', ''] });
    stage.ready('A', 'a');
    stage.ready('', 'plain');
    expect(plan(stage, { group: ['A', 'C'] })).toEqual(['A call usable', 'C call missing']);
    expect(plan(stage, { group: ['A'], lane: 'B' })).toEqual(['A call usable']);
    expect(plan(stage)).toEqual(['B client missing', ' client usable']);
    expect(plan(stage, { lane: 'A' })).toEqual(['A lane usable', 'B client missing', ' client usable']);
    const other = new BalancerStage();
    other.ready('', 'plain');
    expect(plan(other)).toEqual([' default usable']);
    other.route({ type: 'any' });
    expect(plan(other)).toEqual(['* route usable']);
    other.route({ type: 'prefer', groups: ['A', ''] });
    expect(plan(other, { lane: 'A' })).toEqual(['A route missing', ' route usable']);
  });

  it('are those of a split with their shares as things stand, or the one of a hash key', () => {
    const stage = new BalancerStage();
    stage.ready('stable', 'one');
    stage.ready('canary', 'two');
    stage.set('three', { group: 'next' });
    stage.route({ type: 'split', shares: { stable: 60, canary: 20, next: 20, off: 0 } });
    expect(plan(stage)).toEqual(['stable route usable 0.75', 'canary route usable 0.25', 'next route connecting 0']);
    expect(explained(stage).outcome).toEqual({ result: 'pick', groups: ['stable', 'canary'] });
    expect(reasons(stage)).toEqual({ one: 'pickable', two: 'pickable', three: 'connecting' });
    for (let i = 0; i < 20; i += 1) {
      const hashKey = `user-${i}`;
      const id = stage.pick(stage.call({ hashKey }));
      expect(reasons(stage, { hashKey })).toEqual({
        one: 'group',
        two: 'group',
        three: 'connecting',
        [id]: 'pickable',
      });
    }
  });

  it('does not disturb what it looks at', () => {
    const [stage, other] = [new BalancerStage(), new BalancerStage()];
    for (const each of [stage, other]) {
      each.ready('stable', 'one', 'two');
      each.ready('canary', 'three');
      each.route({ type: 'split', shares: { stable: 3, canary: 1 } });
    }
    for (let i = 0; i < 50; i += 1) {
      stage.directory.explain('s');
      expect(stage.pick()).toBe(other.pick());
    }
  });
});

describe('what would become of a call', () => {
  it('is to wait for the registry, for a connection, or to fail', () => {
    const stage = new BalancerStage();
    expect(explained(stage).outcome).toEqual({ result: 'wait', for: 'registry' });
    stage.set('a');
    expect(explained(stage).outcome).toEqual({ result: 'wait', for: 'connection' });
    stage.report('a', 'failed', 'connect ECONNREFUSED 10.0.0.1:1');
    expect(explained(stage).outcome).toMatchObject({
      result: 'fail',
      reason: 'ROOKERY_GROUP_MISSING',
      details: expect.stringContaining('present: ungrouped (1, 1 failed)'),
    });
    stage.remove('a');
    expect(explained(stage).outcome).toMatchObject({ result: 'fail', reason: 'ROOKERY_INSTANCE_NONE' });
    stage.directory.fail('s', new Error('no route to 10.0.0.1:1'));
    expect(explained(stage).outcome).toMatchObject({ reason: 'ROOKERY_VIEW_FAILED', details: 'no route to <address>' });
    expect(stage.directory.explain('s')).toMatchObject({ view: 'failed', error: 'no route to 10.0.0.1:1' });
  });

  it('waits for a group that is only connecting before it falls back', () => {
    const stage = new BalancerStage();
    stage.ready('', 'plain');
    stage.set('a', { group: 'A' });
    expect(explained(stage, { group: ['A', ''] }).outcome).toEqual({ result: 'wait', for: 'connection' });
    expect(reasons(stage, { group: ['A', ''] })).toEqual({ plain: 'fallback', a: 'connecting' });
  });

  it('leaves a trace on the call for as long as it waits', () => {
    const stage = new BalancerStage();
    const call = stage.call();
    stage.pick(call);
    expect(call.waitingFor).toBe('registry');
    stage.set('a');
    stage.pick(call);
    expect(call.waitingFor).toBe('connection');
    stage.report('a', 'ready');
    stage.pick(call);
    expect(call.waitingFor).toBeUndefined();
    const patient = stage.call({ waitForReady: true, groups: ['B'] });
    stage.pick(patient);
    expect(patient.waitingFor).toBe('instance');
  });
});

it('says that an ejected instance gets no calls, unless all of its group are', () => {
  const stage = new BalancerStage();
  stage.ready('', 'a', 'b');
  for (let i = 0; i < 5; i += 1) {
    stage.start('a');
    stage.end('a', { code: 14 });
  }
  const pickable = () => stage.directory.explain('s').instances.map((instance) => instance.pickable);
  expect(pickable()).toEqual([false, true]);
  stage.report('b', 'failed');
  expect(pickable()).toEqual([true, false]);
});

describe('the last picks', () => {
  it('are told with the group, who named it, and whom the call passed over', () => {
    const stage = new BalancerStage();
    stage.ready('', 'plain');
    stage.ready('A', 'a');
    const call = stage.call({ clientGroups: ['B', 'A'], madeAt: stage.time.now() });
    stage.pick(call);
    stage.start('a', call);
    stage.time.advance(40);
    stage.pick(call);
    stage.pick(stage.call({ lane: 'A', madeAt: stage.time.now() - 5 }));
    stage.pick(stage.call());
    const place = { instance: 'a', address: 'a:1', group: 'A' };
    const own = { passedOver: [], attempt: 1 };
    stage.time.advance(2);
    expect(explained(stage).picks).toEqual([
      { agoMs: 2, instance: 'plain', address: 'plain:1', group: '', rule: 'default', ...own },
      { agoMs: 7, ...place, rule: 'lane', ...own },
      { agoMs: 2, ...place, rule: 'client', passedOver: ['B'], attempt: 2 },
      { agoMs: 42, ...place, rule: 'client', passedOver: ['B'], attempt: 1 },
    ]);
  });

  it('are a hundred at most, the last one first', () => {
    const stage = new BalancerStage();
    stage.ready('', 'a');
    for (let i = 1; i <= 250; i += 1) stage.pick(stage.call({ attempts: i }));
    const { picks } = explained(stage);
    expect(picks.map(({ attempt }) => attempt)).toEqual(Array.from({ length: 100 }, (_, i) => 251 - i));
  });
});

describe('a directory', () => {
  const make = (registry = manualRegistry()) => {
    const time = fakeTime();
    return { registry, time, directory: createDirectory(registry, { time, random: seededRandom(1), lingerMs: 10 }) };
  };

  it('says that nobody watches a service, and does not start to', () => {
    const { directory } = make();
    expect(directory.explain('s', { group: 'A' })).toEqual({
      service: 's',
      registry: 'manual:',
      view: 'unwatched',
      route: null,
      call: { group: 'A' },
      instances: [],
      channels: [],
    });
    expect([...directory.services()]).toEqual([]);
  });

  it('says how old a view is that the registry does not confirm, and what its route is', async () => {
    const { registry, directory, time } = make();
    registry.set('s', { id: 'a', zone: 'eu', version: '2', group: 'canary', weight: 5 });
    registry.route('s', { type: 'any' });
    const subscription = directory.subscribe('s', () => {});
    expect(directory.explain('s').view).toBe('pending');
    await eventually(() => expect(directory.explain('s').view).toBe('known'));
    registry.down();
    await eventually(() => expect(directory.explain('s').view).toBe('stale'));
    time.advance(70);
    const explanation = directory.explain('s');
    expect(explanation).toEqual({
      service: 's',
      registry: 'manual:',
      view: 'stale',
      staleForMs: 70,
      route: { type: 'any' },
      call: {},
      instances: [
        {
          id: 'a',
          address: 'a:50051',
          group: 'canary',
          weight: 5,
          status: 'up',
          zone: 'eu',
          version: '2',
          pickable: false,
          channels: [],
        },
      ],
      channels: [],
    });
    expect(JSON.parse(JSON.stringify(explanation))).toEqual(explanation);
    subscription[Symbol.dispose]();
    await directory[Symbol.asyncDispose]();
    expect(directory.explain('s')).toMatchObject({ view: 'failed', error: expect.stringContaining('CLOSED') });
  });

  it('asks each channel, by the number that it got, for as long as it follows', async () => {
    const { directory } = make();
    const channel = (id: string) => ({
      explain: () => ({
        groups: [],
        outcome: { result: 'pick', groups: [] } as const,
        picks: [],
        standings: new Map([[id, { state: 'ready', running: 0, pickable: id === 'a', why: [] } as const]]),
        kept: [new BalancerStage().instance(id)],
      }),
    });
    const first = directory.subscribe('s', () => {}, channel('a'));
    directory.subscribe('s', () => {}, channel('b'));
    directory.subscribe('s', () => {});
    const { instances, channels } = directory.explain('s');
    expect(channels.map((each) => each.channel)).toEqual([1, 2]);
    expect(instances.map(({ id, pickable }) => [id, pickable])).toEqual([
      ['a', true],
      ['b', false],
    ]);
    first[Symbol.dispose]();
    expect(directory.explain('s').channels.map((each) => each.channel)).toEqual([2]);
    await directory[Symbol.asyncDispose]();
  });

  it.each([
    ['a/b', {}, 'ROOKERY_NAME_INVALID at service: found "a/b".'],
    [undefined, {}, 'ROOKERY_NAME_INVALID at service: found undefined.'],
    ['s', null, 'ROOKERY_OPTION_INVALID at explain: found null.'],
    ['s', { groups: 'A' }, 'ROOKERY_OPTION_INVALID at explain.groups: there is no such option. Did you mean `group`?'],
    ['s', { group: [] }, 'ROOKERY_OPTION_INVALID at explain.group: found an empty list.'],
    ['s', { group: ['a b'] }, 'ROOKERY_NAME_INVALID at explain.group[0]: found "a b".'],
    ['s', { lane: '' }, 'ROOKERY_NAME_INVALID at explain.lane: found "".'],
    ['s', { hashKey: 7 }, 'ROOKERY_OPTION_INVALID at explain.hashKey: found 7.'],
  ])('refuses %j with %j', (service, call, message) => {
    const directory = createDirectory(memory(), { time: fakeTime(), random: seededRandom(1) });
    expect(() => directory.explain(service as string, call as ExplainCall)).toThrow(message);
  });
});
