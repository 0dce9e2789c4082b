import { beforeEach, describe, expect, it } from 'vitest';
import { BalancerStage } from './balancer.stage.js';
import { ANY_GROUP, UNGROUPED } from './instance.js';

let stage: BalancerStage;
beforeEach(() => {
  stage = new BalancerStage();
});

describe('the group of a call', () => {
  beforeEach(() => {
    stage.ready('', 'plain');
    stage.ready('A', 'a');
    stage.ready('B', 'b');
  });

  it.each([
    ['none: ungrouped instances', {}, { plain: 6 }],
    ['its own', { groups: ['A'] }, { a: 6 }],
    ['its own before its client’s', { groups: ['A'], clientGroups: ['B'] }, { a: 6 }],
    ['its client’s', { clientGroups: ['B'] }, { b: 6 }],
    ['the ungrouped by name', { groups: [UNGROUPED] }, { plain: 6 }],
    ['any', { groups: [ANY_GROUP] }, { plain: 2, a: 2, b: 2 }],
    ['the first of a list that is there', { groups: ['C', 'B', 'A'] }, { b: 6 }],
    ['any, at the end of a list', { groups: ['C', ANY_GROUP] }, { plain: 2, a: 2, b: 2 }],
  ])('%s', (_, init, picks) => {
    expect(stage.picks(6, init)).toEqual(picks);
  });

  it('is the route of the service where neither names one', () => {
    stage.route({ type: 'prefer', groups: ['C', 'A'] });
    expect(stage.picks(4)).toEqual({ a: 4 });
    expect(stage.picks(4, { clientGroups: ['B'] })).toEqual({ b: 4 });
    stage.route({ type: 'any' });
    expect(stage.picks(6)).toEqual({ plain: 2, a: 2, b: 2 });
  });

  it('is strict: what is named is not replaced by others', () => {
    expect(stage.pick(stage.call({ groups: ['C'] }))).toBe('ROOKERY_GROUP_MISSING');
    stage.remove('plain');
    expect(stage.pick()).toBe('ROOKERY_GROUP_MISSING');
  });

  it('any follows groups, weights and departures', () => {
    stage.pick(stage.call({ groups: [ANY_GROUP] }));
    stage.set('a', { group: 'B', weight: 300 });
    stage.remove('plain');
    stage.ready('D', 'd');
    expect(stage.picks(500, { groups: [ANY_GROUP] })).toEqual({ a: 300, b: 100, d: 100 });
  });

  it('a change of group takes the instance along, over its connection', () => {
    stage.set('a', { group: 'B' });
    expect(stage.picks(4, { groups: ['B'] })).toEqual({ a: 2, b: 2 });
    expect(stage.pick(stage.call({ groups: ['A'] }))).toBe('ROOKERY_GROUP_MISSING');
  });
});

describe('a lane', () => {
  beforeEach(() => stage.ready('', 'plain'));

  it('is preferred where the service has its group, and fallen through where not', () => {
    expect(stage.pick(stage.call({ lane: 'canary' }))).toBe('plain');
    stage.ready('canary', 'bird');
    expect(stage.pick(stage.call({ lane: 'canary' }))).toBe('bird');
    stage.report('bird', 'failed');
    expect(stage.pick(stage.call({ lane: 'canary' }))).toBe('plain');
  });

  it('comes after the groups that the call names, and before its client’s and the route', () => {
    stage.ready('canary', 'bird');
    stage.ready('A', 'a');
    stage.route({ type: 'prefer', groups: ['A'] });
    expect(stage.pick(stage.call({ lane: 'canary', groups: ['A'] }))).toBe('a');
    expect(stage.pick(stage.call({ lane: 'canary', clientGroups: ['A'] }))).toBe('bird');
    expect(stage.pick(stage.call({ lane: 'canary' }))).toBe('bird');
    expect(stage.pick(stage.call({ lane: 'other' }))).toBe('a');
  });
});

describe('a group that is only connecting', () => {
  beforeEach(() => {
    stage.set('a', { group: 'A' });
    stage.ready('B', 'b');
  });

  it('is waited for when it is the only one', () => {
    const call = stage.call({ groups: ['A'] });
    expect(stage.pick(call)).toBe('wait');
    stage.time.advance(60_000);
    expect(stage.pick(call)).toBe('wait');
  });

  it('is waited for when the others are missing', () => {
    const call = stage.call({ groups: ['A', 'C'] });
    stage.pick(call);
    stage.time.advance(60_000);
    expect(stage.pick(call)).toBe('wait');
  });

  it('is left after 250 ms for the next one', () => {
    const call = stage.call({ groups: ['A', 'B'] });
    expect(stage.pick(call)).toBe('wait');
    stage.time.advance(249);
    expect(stage.pick(call)).toBe('wait');
    const before = stage.changes;
    stage.time.advance(1);
    expect(stage.changes).toBe(before + 1);
    expect(stage.pick(call)).toBe('b');
  });

  it('is left after a quarter of the time that the call has', () => {
    const call = stage.call({ groups: ['A', 'B'], deadline: 100 });
    expect(stage.pick(call)).toBe('wait');
    stage.time.advance(25);
    expect(stage.pick(call)).toBe('b');
  });

  it('is left by a hurried call in time, also where a patient one waits already', () => {
    stage.pick(stage.call({ groups: ['A', 'B'] }));
    stage.pick(stage.call({ groups: ['A', 'B'], deadline: 100 }));
    const before = stage.changes;
    stage.time.advance(25);
    expect(stage.changes).toBeGreaterThan(before);
  });

  it('is left at once when it fails', () => {
    const call = stage.call({ groups: ['A', 'B'] });
    expect(stage.pick(call)).toBe('wait');
    stage.report('a', 'failed');
    expect(stage.pick(call)).toBe('b');
  });

  it('takes the call when it connects in time', () => {
    const call = stage.call({ groups: ['A', 'B'] });
    stage.pick(call);
    stage.time.advance(200);
    stage.report('a', 'ready');
    expect(stage.pick(call)).toBe('a');
  });
});

describe('a split', () => {
  beforeEach(() => stage.route({ type: 'split', shares: { stable: 95, canary: 5, off: 0 } }));

  it('gives each group its share, and each instance its weight in it', () => {
    stage.ready('stable', 'a', 'b');
    stage.ready('canary', 'c');
    stage.ready('off', 'd');
    stage.set('a', { group: 'stable', weight: 400 });
    expect(stage.picks(1000)).toEqual({ a: 760, b: 190, c: 50 });
  });

  it('is renormalised over the groups that are usable', () => {
    stage.ready('stable', 'a');
    stage.set('c', { group: 'canary' });
    expect(stage.picks(100)).toEqual({ a: 100 });
  });

  it('waits for a group that may yet come, and fails where none may', () => {
    stage.set('c', { group: 'canary' });
    expect(stage.pick()).toBe('wait');
    stage.report('c', 'failed');
    expect(stage.pick()).toBe('ROOKERY_GROUP_MISSING');
  });

  it('waits for a group that may yet come, and does not turn to a share of 0 meanwhile', () => {
    stage.route({ type: 'split', shares: { off: 0, stable: 100 } });
    stage.ready('off', 'd');
    stage.set('a', { group: 'stable' });
    expect(stage.pick()).toBe('wait');
    stage.report('a', 'ready');
    expect(stage.picks(4)).toEqual({ a: 4 });
  });

  // `#routed` still falls back to every group of the split, those of share 0 among them.
  it('gives nothing to a share of 0, also where nobody else is there', () => {
    stage.set('d', { group: 'off' });
    expect(stage.pick()).toBe('ROOKERY_GROUP_MISSING');
    stage.report('d', 'ready');
    expect(stage.pick()).toBe('ROOKERY_GROUP_MISSING');
    expect(stage.pick(stage.call({ waitForReady: true }))).toBe('wait');
    expect(stage.failure()).toContain(
      "no usable instance in group 'stable', then group 'canary'; present: group 'off' (1)",
    );
  });

  it('does not concern calls that name a group', () => {
    stage.ready('off', 'd');
    expect(stage.picks(4, { groups: ['off'] })).toEqual({ d: 4 });
  });
});

describe('the message of a call that fails', () => {
  it('names the groups asked for, those present with their counts, and no address', () => {
    stage.ready('A', 'a1', 'a2');
    stage.ready('', 'plain');
    stage.report('plain', 'failed', 'connect ECONNREFUSED 10.1.2.3:50051 [fe80::1]:7 unix:/run/x.sock');
    const message = stage.failure({ groups: ['B', UNGROUPED] });
    expect(message).toMatch(
      /^s: no usable instance in group 'B', then ungrouped; present: group 'A' \(2\), ungrouped \(1, 1 failed\)\./,
    );
    expect(message).toContain('Last error: connect ECONNREFUSED <address> <address> <address>.');
    expect(message).not.toMatch(/10\.1|fe80|x\.sock|:1\b/);
  });

  it('says how to reach grouped instances to a call without a group', () => {
    stage.ready('A', 'a');
    expect(stage.failure()).toContain(
      'A call without a group reaches only ungrouped instances: name a group, or "*" for all.',
    );
    expect(stage.failure({ groups: ['B'] })).not.toContain('name a group');
  });

  it('says who named the groups where the call did not', () => {
    stage.ready('', 'a');
    stage.route({ type: 'prefer', groups: ['stable'] });
    expect(stage.failure()).toContain(
      'The route of the service in the registry names these groups: change it with setRoute().',
    );
    expect(stage.failure({ clientGroups: ['B'] })).toContain('The option `group` of the client names these groups.');
    expect(stage.failure({ groups: ['B'] })).toMatch(/present: ungrouped \(1\)\.$/);
  });
});
