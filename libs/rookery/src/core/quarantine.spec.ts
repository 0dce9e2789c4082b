import { beforeEach, describe, expect, it } from 'vitest';
import { BalancerStage } from './balancer.stage.js';
import { QUARANTINE_MS } from './quarantine.js';

let stage: BalancerStage;
beforeEach(() => {
  stage = new BalancerStage();
  stage.ready('', 'a', 'b', 'c');
});

describe('instances that the registry loses', () => {
  it('serve on while their connections hold, however long, where nobody else is registered', () => {
    stage.lose('a', 'b', 'c');
    stage.time.advance(10 * QUARANTINE_MS);
    expect(stage.picks(6)).toEqual({ a: 2, b: 2, c: 2 });
    expect(stage.links.filter((link) => link.startsWith('close'))).toEqual([]);
    expect(stage.events.filter(({ type }) => type === 'view.protected')).toEqual([
      { type: 'view.protected', service: 's', instances: 3 },
    ]);
  });

  it('are dropped after a while where others are registered', () => {
    stage.lose('a');
    stage.time.advance(QUARANTINE_MS - 1);
    expect(stage.picks(6)).toEqual({ a: 2, b: 2, c: 2 });
    stage.time.advance(1);
    expect(stage.picks(6)).toEqual({ b: 3, c: 3 });
    expect(stage.links).toContain('close a:1');
  });

  it('stay where the others that are registered are of another group', () => {
    stage.ready('A', 'd');
    stage.lose('d');
    stage.time.advance(5 * QUARANTINE_MS);
    expect(stage.pick(stage.call({ groups: ['A'] }))).toBe('d');
  });

  it('stay where the others that are registered are of no use', () => {
    stage.report('b', 'failed');
    stage.set('c', { weight: 0 });
    stage.lose('a');
    stage.time.advance(5 * QUARANTINE_MS);
    expect(stage.pick()).toBe('a');
    stage.report('b', 'ready');
    stage.time.advance(2 * QUARANTINE_MS);
    expect(stage.picks(2)).toEqual({ b: 2 });
  });

  it('are not all dropped because the first of them is back', () => {
    stage.lose('a', 'b', 'c');
    stage.time.advance(QUARANTINE_MS - 1);
    stage.set('a');
    stage.time.advance(1000);
    expect(stage.picks(6)).toEqual({ a: 2, b: 2, c: 2 });
    stage.time.advance(QUARANTINE_MS);
    expect(stage.picks(2)).toEqual({ a: 2 });
  });

  it('are what they were once they are registered again, over the same connection', () => {
    stage.lose('a', 'b', 'c');
    for (const id of ['a', 'b', 'c']) stage.set(id);
    stage.time.advance(10 * QUARANTINE_MS);
    expect(stage.picks(6)).toEqual({ a: 2, b: 2, c: 2 });
    expect(stage.links.filter((link) => !link.startsWith('changed'))).toEqual(['open a:1', 'open b:1', 'open c:1']);
    stage.report('a', 'failed');
    expect(stage.links).not.toContain('close a:1');
  });

  it.each(['connecting', 'failed', 'impostor'] as const)(
    'are gone for good when the connection becomes %s',
    (state) => {
      stage.lose('a', 'b', 'c');
      stage.report('a', state);
      expect(stage.picks(4)).toEqual({ b: 2, c: 2 });
      expect(stage.links).toContain('close a:1');
    },
  );

  it('get no calls while they do not answer, and stay for as long as the connection does', () => {
    stage.lose('a', 'b', 'c');
    const a = stage.endpoint('a:1');
    stage.balancer.report(a, 'failed', 'no answer to Hello in 2000 ms');
    expect(stage.picks(4)).toEqual({ b: 2, c: 2 });
    stage.balancer.report(a, 'verifying');
    stage.balancer.report(a, 'ready');
    expect(stage.picks(6)).toEqual({ a: 2, b: 2, c: 2 });
    expect(stage.links).not.toContain('close a:1');
  });

  it('make room for the older entry of their address when their connection is gone', () => {
    stage.set('new', { address: 'a:1', group: 'B' });
    stage.lose('new');
    stage.report('a', 'failed');
    expect(stage.links).not.toContain('close a:1');
    stage.report('a', 'ready');
    expect(stage.picks(6)).toEqual({ a: 2, b: 2, c: 2 });
    expect(stage.pick(stage.call({ groups: ['B'] }))).toBe('ROOKERY_GROUP_MISSING');
  });

  it('make room within the same answer for an older entry that changes', () => {
    stage.set('new', { address: 'a:1', group: 'B' });
    const links = stage.links.length;
    const instance = stage.instance('a', { weight: 7 });
    stage.directory.tell('s', { type: 'delete', id: 'new', cause: 'lost' }, { type: 'set', instance });
    expect(stage.links.slice(links)).toEqual(['changed a:1']);
    expect(stage.pick(stage.call({ groups: ['B'] }))).toBe('ROOKERY_GROUP_MISSING');
  });

  it('with a quarantine of 0 stay while they are alone, and nobody is kept busy by that', () => {
    const own = new BalancerStage({ quarantineMs: 0 });
    own.ready('', 'a', 'b');
    own.lose('a', 'b');
    own.time.advance(10_000);
    expect(own.picks(2)).toEqual({ a: 1, b: 1 });
    own.set('a');
    own.time.advance(5000);
    expect(own.picks(2)).toEqual({ a: 2 });
  });

  it('are gone at once where there is no connection', () => {
    stage.report('a', 'connecting');
    stage.report('b', 'failed');
    stage.lose('a', 'b');
    expect(stage.links).toEqual(expect.arrayContaining(['close a:1', 'close b:1']));
    expect(stage.picks(2)).toEqual({ c: 2 });
  });

  it('are gone at once where they left by themselves', () => {
    stage.remove('a');
    expect(stage.links).toContain('close a:1');
    expect(stage.picks(4)).toEqual({ b: 2, c: 2 });
  });

  it('make room for whoever registers at their address', () => {
    stage.lose('a');
    stage.set('new', { address: 'a:1', group: 'B' });
    expect(stage.links).toContain('changed a:1');
    expect(stage.pick(stage.call({ groups: ['B'] }))).toBe('new');
    stage.remove('new');
    expect(stage.links).toContain('close a:1');
  });

  it('leave their old address when they are back at another one', () => {
    stage.lose('a');
    stage.set('a', { address: 'other:1' });
    expect(stage.links).toContain('close a:1');
    stage.remove('a');
    expect(stage.links).toContain('close other:1');
  });

  it('that are lost and found within one answer are not told of', () => {
    stage.directory.tell(
      's',
      { type: 'delete', id: 'a', cause: 'lost' },
      { type: 'set', instance: stage.instance('a', { weight: 200 }) },
    );
    expect(stage.events.some(({ type }) => type === 'view.protected')).toBe(false);
    stage.time.advance(2 * QUARANTINE_MS);
    expect(stage.picks(4)).toEqual({ a: 2, b: 1, c: 1 });
  });

  it('make room within the same answer, too, and do not come back when that leaves', () => {
    const instance = stage.instance('new', { address: 'a:1' });
    stage.directory.tell('s', { type: 'delete', id: 'a', cause: 'lost' }, { type: 'set', instance });
    stage.remove('new');
    expect(stage.links).toContain('close a:1');
    expect(stage.picks(4)).toEqual({ b: 2, c: 2 });
  });

  it('move within the same answer, and leave nothing at the old address', () => {
    const instance = stage.instance('a', { address: 'other:1' });
    stage.directory.tell('s', { type: 'delete', id: 'a', cause: 'lost' }, { type: 'set', instance });
    expect(stage.links).toContain('close a:1');
    stage.time.advance(5 * QUARANTINE_MS);
    expect(stage.picks(4)).toEqual({ b: 2, c: 2 });
  });

  it('keep nothing once the balancer is closed', () => {
    stage.lose('a', 'b', 'c');
    stage.balancer.close();
    expect(stage.time.timers).toBe(0);
    expect(stage.links.filter((link) => link.startsWith('close'))).toHaveLength(3);
  });
});
