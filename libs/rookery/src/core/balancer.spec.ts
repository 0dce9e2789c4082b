import { beforeEach, describe, expect, it } from 'vitest';
import { BalancerStage } from './balancer.stage.js';
import { createBalancer } from './balancer.js';

let stage: BalancerStage;
beforeEach(() => {
  stage = new BalancerStage();
});

describe('what is known', () => {
  it('pending waits, known and empty fails at once, failed says why', () => {
    expect(stage.pick()).toBe('wait');
    expect(stage.balancer.state).toBe('connecting');
    stage.directory.tell('s', { type: 'reset', instances: [] });
    expect(stage.pick()).toBe('ROOKERY_INSTANCE_NONE');
    expect(stage.failure()).toBe('s: no instance is registered in memory:.');
    expect(stage.balancer.state).toBe('failed');
    stage.directory.fail('s', new Error('the folder is open'));
    expect(stage.pick()).toBe('ROOKERY_VIEW_FAILED');
    expect(stage.failure()).toBe('the folder is open');
  });

  it('failed names no address, and is not waited for', () => {
    stage.directory.fail('s', new Error('no permission at etcd.internal:2379'));
    expect(stage.pick(stage.call({ waitForReady: true }))).toBe('ROOKERY_VIEW_FAILED');
    expect(stage.failure()).toBe('no permission at <address>');
  });

  it('a call that waits for readiness does not fail for want of an instance', () => {
    stage.directory.tell('s', { type: 'reset', instances: [] });
    expect(stage.pick(stage.call({ waitForReady: true }))).toBe('wait');
    stage.ready('B', 'b');
    expect(stage.pick(stage.call({ waitForReady: true, groups: ['A'] }))).toBe('wait');
    stage.ready('A', 'a');
    expect(stage.pick(stage.call({ waitForReady: true, groups: ['A'] }))).toBe('a');
  });

  it('a balancer that comes later starts with what is known already', () => {
    stage.set('a');
    const opened: string[] = [];
    const later = createBalancer({
      service: 's',
      directory: stage.directory,
      connect: ({ address }) => {
        opened.push(address);
        return {
          instanceChanged: () => {},
          connected: false,
          received: 0,
          inquire: () => false,
          prompt: () => false,
          close: () => {},
        };
      },
      time: stage.time,
      random: () => 0,
    });
    expect(opened).toEqual(['a:1']);
    expect(later.pick(stage.call())).toEqual({ wait: true });
  });
});

describe('endpoints', () => {
  it('a call is counted, and remembers who took it', () => {
    stage.ready('', 'a');
    const call = stage.call();
    stage.pick(call);
    expect(call).toMatchObject({ attempts: 0, instance: { id: 'a' } });
    stage.start('a', call);
    stage.start('a', call);
    expect(call).toMatchObject({ attempts: 2, instance: { id: 'a' } });
  });

  it('share by weight', () => {
    stage.ready('', 'a', 'b');
    stage.set('a', { weight: 300 });
    expect(stage.picks(400)).toEqual({ a: 300, b: 100 });
  });

  it('open one connection per address, keep it through changes, and close it at the end', () => {
    stage.set('a');
    stage.report('a', 'ready');
    for (const change of [
      { weight: 0 },
      { weight: 5 },
      { group: 'A' },
      { metadata: { a: 'b' } },
      { status: 'draining' as const },
    ])
      stage.set('a', change);
    expect(stage.links.filter((link) => !link.startsWith('changed'))).toEqual(['open a:1']);
    expect(stage.links.filter((link) => link.startsWith('changed'))).toHaveLength(5);
    stage.remove('a');
    expect(stage.links.at(-1)).toBe('close a:1');
    expect([...stage.balancer.endpoints()]).toEqual([]);
  });

  it('follow an instance to a new address', () => {
    stage.ready('', 'a');
    stage.set('a', { address: 'moved:1' });
    expect(stage.links).toEqual(['open a:1', 'close a:1', 'open moved:1']);
    expect(stage.pick()).toBe('wait');
  });

  it('weight 0 and draining get nothing, keep their connection, and both undo', () => {
    stage.ready('', 'a', 'b');
    for (const off of [{ weight: 0 }, { status: 'draining' as const }]) {
      stage.set('a', off);
      expect(stage.picks(10)).toEqual({ b: 10 });
      stage.set('a');
      expect(stage.picks(10)['a']).toBeGreaterThan(0);
    }
    expect(stage.links.filter((link) => link.startsWith('close'))).toEqual([]);
  });

  it('all of weight 0 is the same as none', () => {
    stage.ready('', 'a', 'b');
    for (const id of ['a', 'b']) stage.set(id, { weight: 0 });
    expect(stage.pick()).toBe('ROOKERY_GROUP_MISSING');
    expect(stage.balancer.state).toBe('failed');
  });

  it('that say themselves that they drain get nothing, until they are ready anew', () => {
    stage.ready('', 'a', 'b');
    stage.balancer.reportDraining(stage.endpoint('a:1'));
    expect(stage.picks(10)).toEqual({ b: 10 });
    stage.report('a', 'connecting');
    stage.report('a', 'ready');
    expect(stage.picks(10)['a']).toBe(5);
  });

  it('that say so before they are ready get nothing from the first', () => {
    stage.ready('', 'b');
    stage.set('a');
    stage.report('a', 'verifying');
    stage.balancer.reportDraining(stage.endpoint('a:1'));
    stage.report('a', 'ready');
    expect(stage.picks(10)).toEqual({ b: 10 });
  });

  it('that failed stay failed until they are ready, and calls do not wait for them', () => {
    stage.set('a');
    expect(stage.pick()).toBe('wait');
    stage.report('a', 'failed', 'connection refused');
    expect(stage.pick()).toBe('ROOKERY_GROUP_MISSING');
    stage.report('a', 'connecting');
    stage.report('a', 'verifying');
    expect(stage.endpoint('a:1').state).toBe('failed');
    expect(stage.pick()).toBe('ROOKERY_GROUP_MISSING');
    stage.report('a', 'ready');
    expect(stage.pick()).toBe('a');
    expect(stage.endpoint('a:1').error).toBeUndefined();
  });

  it('that are unhealthy get nothing until they are ready, and are missing where no other is there', () => {
    stage.ready('A', 'a');
    stage.ready('', 'b');
    stage.report('a', 'unhealthy', 'it says NOT_SERVING');
    expect(stage.picks(4, { groups: ['A', ''] })).toEqual({ b: 4 });
    stage.ready('', 'c');
    for (const trying of ['connecting', 'verifying'] as const) {
      stage.report('a', trying);
      expect(stage.endpoint('a:1').state).toBe('unhealthy');
      expect(stage.failure({ groups: ['A'] })).toBe(
        "s: no usable instance in group 'A'; present: group 'A' (1, 1 unhealthy), ungrouped (2).",
      );
    }
    stage.report('a', 'ready');
    expect(stage.picks(4, { groups: ['A', ''] })).toEqual({ a: 4 });
    expect(stage.events.filter((event) => 'state' in event && event.id === 'a')).toMatchObject([
      { type: 'endpoint.changed', state: 'connecting', previous: 'idle' },
      { type: 'endpoint.changed', state: 'ready', previous: 'connecting' },
      { type: 'endpoint.changed', state: 'unhealthy', previous: 'ready', error: 'it says NOT_SERVING' },
      { type: 'endpoint.changed', state: 'ready', previous: 'unhealthy', error: undefined },
    ]);
  });

  it('that said that they drain go on draining, whatever their health, and no longer than their connection', () => {
    stage.ready('', 'a', 'b');
    stage.balancer.reportDraining(stage.endpoint('a:1'));
    for (const state of ['unhealthy', 'verifying', 'ready'] as const) stage.report('a', state);
    expect(stage.picks(10)).toEqual({ b: 10 });
    for (const state of ['unhealthy', 'connecting', 'ready'] as const) stage.report('a', state);
    expect(stage.picks(10)).toEqual({ a: 5, b: 5 });
  });

  it('without a health service are told of', () => {
    stage.ready('', 'a');
    const gone = stage.endpoint('a:1');
    stage.balancer.reportUnchecked(gone);
    stage.remove('a');
    stage.balancer.reportUnchecked(gone);
    expect(stage.events.filter(({ type }) => type === 'health.unchecked')).toEqual([
      { type: 'health.unchecked', service: 's', id: 'a', address: 'a:1' },
    ]);
  });

  it('that turned out to be somebody else get nothing', () => {
    stage.ready('', 'a', 'b');
    stage.report('a', 'impostor', 'it is another service');
    expect(stage.picks(4)).toEqual({ b: 4 });
  });

  it('that are gone are not heard any more', () => {
    stage.ready('', 'a');
    const gone = stage.endpoint('a:1');
    stage.remove('a');
    const { length } = stage.events;
    stage.balancer.report(gone, 'failed', 'late');
    stage.balancer.reportDraining(gone);
    expect(stage.events).toHaveLength(length);
    expect(stage.pick()).toBe('ROOKERY_INSTANCE_NONE');
  });

  it('are passed over where the call skips them, also all of them', () => {
    stage.ready('', 'a', 'b');
    expect(stage.picks(5, { skip: ({ instance }) => instance.id === 'a' })).toEqual({ b: 5 });
    expect(stage.pick(stage.call({ skip: () => true, processed: true }))).toBe('ROOKERY_GROUP_MISSING');
    expect(stage.pick(stage.call({ skip: () => true }))).toMatch(/^[ab]$/);
  });
});

describe('several entries on one address', () => {
  const shared = { address: 'pod:1' };

  it('the newest counts, the others are shadowed, over one connection', () => {
    stage.set('old', { ...shared, group: 'A' });
    stage.balancer.report(stage.endpoint('pod:1'), 'ready');
    stage.set('new', { ...shared, group: 'B' });
    expect(stage.pick(stage.call({ groups: ['B'] }))).toBe('new');
    expect(stage.pick(stage.call({ groups: ['A'] }))).toBe('ROOKERY_GROUP_MISSING');
    stage.set('old', { ...shared, group: 'A', weight: 5 });
    expect(stage.pick(stage.call({ groups: ['B'] }))).toBe('new');
    expect(stage.links).toEqual(['open pod:1', 'changed pod:1']);
  });

  it('when the newest goes, the one before counts again', () => {
    stage.set('old', { ...shared, group: 'A' });
    stage.set('new', { ...shared, group: 'B' });
    stage.balancer.report(stage.endpoint('pod:1'), 'ready');
    stage.remove('new');
    expect(stage.pick(stage.call({ groups: ['A'] }))).toBe('old');
    stage.remove('old');
    expect(stage.links.at(-1)).toBe('close pod:1');
  });

  it('when a shadowed one goes, nothing changes', () => {
    stage.set('old', shared);
    stage.set('new', shared);
    stage.remove('old');
    expect(stage.links).toEqual(['open pod:1', 'changed pod:1']);
  });
});

describe('those who listen', () => {
  it('hear when a waiting call could fare differently, and of each state once', () => {
    stage.set('a');
    const before = stage.changes;
    stage.report('a', 'verifying');
    expect(stage.changes).toBe(before);
    stage.report('a', 'ready');
    stage.report('a', 'ready');
    expect(stage.changes).toBe(before + 1);
    stage.remove('a');
    expect(stage.events.map((event) => 'previous' in event && [event.previous, event.state])).toEqual([
      ['idle', 'connecting'],
      ['connecting', 'verifying'],
      ['verifying', 'ready'],
      ['ready', 'idle'],
    ]);
  });

  it('may end it all when they hear that somebody is dialled', () => {
    stage.events.push = (event) => {
      if (event.type === 'endpoint.changed' && event.state === 'connecting') stage.balancer.close();
      return 0;
    };
    stage.set('a');
    expect([stage.connected.size, stage.balancer.state, stage.pick()]).toEqual([0, 'failed', 'ROOKERY_INSTANCE_NONE']);
  });

  it('hear nothing after close, and every connection is closed', () => {
    stage.ready('', 'a', 'b');
    const before = stage.changes;
    stage.balancer.close();
    stage.set('c');
    expect(stage.changes).toBe(before);
    expect(stage.links.filter((link) => link.startsWith('close'))).toEqual(['close a:1', 'close b:1']);
    expect(stage.directory.subscribers('s')).toBe(0);
    expect(stage.time.timers).toBe(0);
  });
});
