import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seeded } from '../../../../test/support/seeded.js';
import { apply, type ServiceChange, type ServiceState } from '../core/change.js';
import { createInstance, type ServiceInstance } from '../core/instance.js';
import type { GroupRoute } from '../core/route.js';
import { Precedence } from './precedence.js';

const { seed } = seeded();
console.log(`seed ${seed}`);

const at = (id: string, port: number, weight = 100) =>
  createInstance({ id, service: 's', address: `h:${port}`, weight });
const set = (...instance: Parameters<typeof at>): ServiceChange => ({ type: 'set', instance: at(...instance) });
const gone = (id: string, cause: 'left' | 'lost'): ServiceChange => ({ type: 'delete', id, cause });
const reset = (...instances: ServiceInstance[]): ServiceChange => ({ type: 'reset', instances });

/** What is told, in short: `+a:1` where it is set, with its port, `-a left` where it is deleted. */
function told(changes: readonly ServiceChange[]): string[] {
  return changes.map((change) => {
    if (change.type === 'set') return `+${change.instance.id}${change.instance.address.slice(1)}`;
    return change.type === 'delete' ? `-${change.id} ${change.cause}` : change.type;
  });
}

describe('Precedence', () => {
  it('tells of one source what it tells itself', () => {
    const view = new Precedence(1);
    expect(told(view.apply(0, [set('a', 1), set('b', 1)]))).toEqual(['+a:1', '+b:1']);
    expect(told(view.apply(0, [set('a', 1, 7), set('b', 1)]))).toEqual(['+a:1']);
    expect(told(view.apply(0, [gone('a', 'lost'), gone('x', 'lost')]))).toEqual(['-a lost']);
  });

  it('lets an earlier source take the place of a later one, by address', () => {
    const view = new Precedence(2);
    view.apply(1, [set('later', 1), set('too', 1), set('other', 2)]);
    expect(told(view.apply(0, [set('earlier', 1)]))).toEqual(['+earlier:1', '-later left', '-too left']);
    expect(told(view.apply(0, [gone('earlier', 'lost')]))).toEqual(['+later:1', '+too:1', '-earlier lost']);
  });

  it('shows an id of two sources once, as the earlier one has it', () => {
    const view = new Precedence(2);
    view.apply(1, [set('a', 1, 1)]);
    expect(view.apply(0, [set('a', 2, 2)])).toEqual([set('a', 2, 2)]);
    expect(view.apply(1, [set('a', 1, 3)])).toEqual([]);
    expect(view.apply(0, [gone('a', 'lost')])).toEqual([set('a', 1, 3)]);
    expect(view.apply(1, [gone('a', 'left')])).toEqual([gone('a', 'left')]);
  });

  it('says nothing of a hidden entry that changes or goes', () => {
    const view = new Precedence(2);
    view.apply(0, [set('a', 1)]);
    expect(view.apply(1, [set('b', 1), set('b', 1, 5), gone('b', 'lost')])).toEqual([]);
  });

  it('follows an entry that moves to another address', () => {
    const view = new Precedence(2);
    view.apply(0, [set('a', 1)]);
    view.apply(1, [set('b', 1), set('c', 2)]);
    expect(told(view.apply(0, [set('a', 2)]))).toEqual(['+a:2', '+b:1', '-c left']);
    expect(told(view.apply(1, [set('b', 2)]))).toEqual(['-b left']);
  });

  it('makes of a reset what it changes, those who drained having left', () => {
    const view = new Precedence(2);
    view.apply(0, [set('a', 1), { type: 'set', instance: { ...at('d', 4), status: 'draining' } }]);
    view.apply(1, [set('x', 1), set('y', 2)]);
    expect(told(view.apply(0, [reset(at('b', 2))]))).toEqual(['+x:1', '+b:2', '-a lost', '-d left', '-y left']);
    expect(told(view.apply(0, [reset(at('b', 2))]))).toEqual([]);
  });

  it('resets to what is visible, earlier sources first', () => {
    const view = new Precedence(3);
    view.apply(2, [set('z', 9), set('same', 8)]);
    view.apply(1, [set('y', 1), set('x', 2)]);
    const shared = at('same', 3);
    view.apply(0, [reset(shared, at('hides', 1))]);
    view.apply(1, [{ type: 'set', instance: shared }]);
    const visible = view.reset();
    expect(visible.type === 'reset' && visible.instances.map(({ id }) => id)).toEqual(['same', 'hides', 'x', 'z']);
  });

  it('goes by the route of the earliest source that has one', () => {
    const view = new Precedence(2);
    const [any, prefer]: GroupRoute[] = [{ type: 'any' }, { type: 'prefer', groups: ['a'] }];
    expect(view.apply(1, [{ type: 'route', route: any }])).toEqual([{ type: 'route', route: any }]);
    expect(view.apply(0, [{ type: 'reset', instances: [], route: prefer }])).toEqual([
      { type: 'route', route: prefer },
    ]);
    expect(view.reset()).toEqual({ type: 'reset', instances: [], route: prefer });
    expect(view.apply(1, [{ type: 'route' }])).toEqual([]);
    expect(view.apply(0, [{ type: 'route' }])).toEqual([{ type: 'route', route: undefined }]);
  });

  it('looks only at what a change concerns', () => {
    let read = 0;
    const many = Array.from({ length: 1000 }, (_, i) => {
      const { address, ...rest } = at(`i${i}`, i + 1);
      return {
        ...rest,
        get address() {
          read += 1;
          return address;
        },
      };
    });
    const view = new Precedence(2);
    view.apply(1, [reset(...many)]);
    read = 0;
    view.apply(0, [set('first', 500), gone('first', 'left')]);
    expect(read).toBeLessThan(20);
  });
});

const SOURCES = 3;
const entry = fc
  .tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 2 }), fc.boolean())
  .map(([id, port, weight, up]): ServiceInstance => ({
    ...at(`i${id}`, port, weight),
    status: up ? 'up' : 'draining',
  }));
const route = fc.constantFrom<GroupRoute | undefined>(undefined, { type: 'any' }, { type: 'prefer', groups: ['a'] });
const change: fc.Arbitrary<ServiceChange> = fc.oneof(
  { weight: 6, arbitrary: entry.map((instance): ServiceChange => ({ type: 'set', instance })) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.integer({ min: 0, max: 5 }), fc.constantFrom('left', 'lost'))
      .map(([id, cause]): ServiceChange => gone(`i${id}`, cause)),
  },
  { weight: 1, arbitrary: route.map((each): ServiceChange => ({ type: 'route', route: each })) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.uniqueArray(entry, { selector: ({ id }) => id, maxLength: 5 }), route)
      .map(([instances, each]): ServiceChange => ({ type: 'reset', instances, route: each })),
  },
);
const step = fc.tuple(fc.integer({ min: 0, max: SOURCES - 1 }), fc.array(change, { minLength: 1, maxLength: 3 }));

/** What is visible, from scratch: whom nobody of an earlier source names. */
function visibleOf(sources: readonly ServiceState[]): ServiceState {
  const instances = sources.flatMap((source, i) => {
    const earlier = sources.slice(0, i).flatMap((each) => [...each.instances.values()]);
    return [...source.instances.values()].filter(
      ({ id, address }) => !earlier.some((other) => other.id === id || other.address === address),
    );
  });
  const { route: routed } = sources.find((source) => source.route !== undefined) ?? { route: undefined };
  return { instances: new Map(instances.map((instance) => [instance.id, instance])), route: routed };
}

describe('any steps of any sources', () => {
  it('show what counting from scratch shows, without a word too much, and sets before deletes', () => {
    const property = fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const view = new Precedence(SOURCES);
      const sources: ServiceState[] = Array.from({ length: SOURCES }, () => ({
        instances: new Map(),
        route: undefined,
      }));
      const heard: ServiceState = { instances: new Map(), route: undefined };
      for (const [source, changes] of steps) {
        for (const each of changes) {
          apply(sources[source]!, each);
          const output = view.apply(source, [each]);
          const kinds = output.map(({ type }) => type);
          expect(kinds).toEqual([...kinds].sort((a, b) => ORDER.indexOf(a) - ORDER.indexOf(b)));
          for (const one of output) expect(apply(heard, one)).toHaveLength(1);
          expect(causes(output)).toEqual(expectedCauses(output, each));
        }
        const expected = visibleOf(sources);
        expect(new Map(heard.instances)).toEqual(expected.instances);
        expect(heard.route).toEqual(expected.route);
        expect(view.reset()).toEqual({
          type: 'reset',
          instances: [...expected.instances.values()],
          route: expected.route,
        });
      }
    });
    fc.assert(property, { seed, numRuns: 2000 });
  });
});

const ORDER: readonly string[] = ['set', 'delete', 'route'];

const causes = (output: readonly ServiceChange[]) => output.flatMap((each) => (each.type === 'delete' ? [each] : []));

/** Whom a `delete` names goes for its cause; whoever goes for a `set` has left. A reset has both. */
function expectedCauses(output: readonly ServiceChange[], input: ServiceChange): readonly ServiceChange[] {
  return causes(output).map((each) => {
    if (input.type === 'reset') return each;
    return gone(each.id, input.type === 'delete' && input.id === each.id ? input.cause : 'left');
  });
}
