import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RookeryError } from '../core/errors.js';
import type { RookeryEvent } from '../core/event.js';
import { EventLog } from './event-log.js';

let lines: string[] = [];
const write =
  (level: string) =>
  (message: unknown, ...context: unknown[]) =>
    void lines.push(`${level} [${context.at(-1) as string}] ${message as string}`);

beforeEach(() => {
  lines = [];
  Logger.overrideLogger({ log: write('log'), warn: write('warn'), error: write('error') });
});
afterEach(() => Logger.overrideLogger(true as never));

const told = (...events: RookeryEvent[]) => {
  const log = new EventLog('etcd://registry');
  for (const event of events) log.listen(event);
  return lines;
};
const registration = (state: string, error?: Error) =>
  ({ type: 'registration.changed', service: 'users', id: 'one', state, ...(error && { error }) }) as RookeryEvent;

describe('the log', () => {
  it('has one line for a registration, and none for its end', () => {
    expect(told(registration('registering'), registration('registered'), registration('released'))).toEqual([
      'log [Rookery] users is registered',
    ]);
  });

  it('says that a registration is lost, why, and that it is back', () => {
    expect(
      told(registration('registered'), registration('recovering', new Error('no route')), registration('registered')),
    ).toEqual([
      'log [Rookery] users is registered',
      'warn [Rookery] users cannot confirm its registration; serving, and trying on: no route',
      'log [Rookery] users is registered again',
    ]);
  });

  it('says that the first registration fails', () => {
    expect(told(registration('registering', new Error('no route')))).toEqual([
      'warn [Rookery] users is not registered; serving, and trying on: no route',
    ]);
  });

  it('says that a source of a registry fails, of which service or of all, and that it is back', () => {
    const error = new Error('no route');
    expect(
      told(
        { type: 'entry.unwritten', service: 'users', id: 'a', place: '/micro/users/a', error },
        { type: 'source.failed', service: 'users', source: 'etcd://h:1', error },
        { type: 'source.restored', service: 'users', source: 'etcd://h:1' },
        { type: 'source.failed', source: 'file:/x', error },
        { type: 'source.restored', source: 'file:/x' },
      ),
    ).toEqual([
      'warn [Rookery] users: /micro/users/a is not written: no route',
      'warn [Rookery] users: etcd://h:1 cannot be read (no route); what it said last counts, trying on',
      'log [Rookery] users: etcd://h:1 is back',
      'warn [Rookery] file:/x cannot be read (no route); what it said last counts, trying on',
      'log [Rookery] file:/x is back',
    ]);
  });

  it('tells a superseded registration as an error with its code', () => {
    expect(told(registration('superseded'))).toEqual([
      'error [Rookery] ROOKERY_REGISTRATION_SUPERSEDED: users: another process holds the key of one',
    ]);
  });

  it('tells once that the registry is lost, and once that it is back', () => {
    const stale: RookeryEvent = {
      type: 'watch.broken',
      service: 'users',
      error: new Error('no route'),
      retryInMs: 100,
      stale: true,
    };
    const changed: RookeryEvent = { type: 'view.changed', service: 'users', instances: 1, revision: 1 };
    expect(told(changed, stale, stale, changed, changed, stale)).toEqual([
      'warn [Rookery] users: etcd://registry cannot be read (no route); calls go by the last view, trying on',
      'log [Rookery] users: etcd://registry is back',
      'warn [Rookery] users: etcd://registry cannot be read (no route); calls go by the last view, trying on',
    ]);
  });

  it('says that calls wait where there is no last view', () => {
    const pending: RookeryEvent = {
      type: 'watch.broken',
      service: 'users',
      error: new Error('no route'),
      retryInMs: 100,
      stale: false,
    };
    expect(told(pending)).toEqual([
      'warn [Rookery] users: etcd://registry cannot be read (no route); calls wait for it, trying on',
    ]);
  });

  it('says that a snapshot answers for the registry, and that the registry is back', () => {
    const used = (instances: number, ageMs: number): RookeryEvent => ({
      type: 'snapshot.used',
      service: 'users',
      instances,
      ageMs,
    });
    const changed: RookeryEvent = { type: 'view.changed', service: 'users', instances: 1, revision: 1 };
    expect(told(used(1, 4400), changed, changed, used(3, 600_000), changed, used(2, 7_200_000))).toEqual([
      'warn [Rookery] users: etcd://registry has not answered; calls go by a snapshot of 1 instance, 4 s old',
      'log [Rookery] users: etcd://registry is back',
      'warn [Rookery] users: etcd://registry has not answered; calls go by a snapshot of 3 instances, 10 min old',
      'log [Rookery] users: etcd://registry is back',
      'warn [Rookery] users: etcd://registry has not answered; calls go by a snapshot of 2 instances, 2 h old',
    ]);
  });

  it('tells once a service that its snapshot is ignored, and why; and that none can be written', () => {
    const error = new RookeryError('ROOKERY_SNAPSHOT_EXPIRED', { path: '/f', found: 'found x.', remedy: 'Ignored.' });
    const ignored: RookeryEvent = { type: 'snapshot.ignored', service: 'users', path: '/f', error };
    expect(told(ignored, ignored, { ...ignored, type: 'snapshot.failed' })).toEqual([
      'warn [Rookery] users: ROOKERY_SNAPSHOT_EXPIRED at /f: found x. Ignored.',
      'warn [Rookery] users: ROOKERY_SNAPSHOT_EXPIRED at /f: found x. Ignored.',
    ]);
  });

  it('tells what operators changed, and what was put back', () => {
    expect(
      told(
        { type: 'registration.amended', service: 'users', id: 'one', fields: ['weight', 'group'] },
        { type: 'registration.restored', service: 'users', id: 'one', reason: 'the key was deleted' },
      ),
    ).toEqual([
      'log [Rookery] users: an operator changed weight, group; kept',
      'warn [Rookery] users: the key was deleted; restored. To take an instance out, drain it or give it weight 0.',
    ]);
  });

  it('tells of bad data, of impostors and of who cannot be reached, and not of ordinary endpoints', () => {
    const endpoint = { type: 'endpoint.changed', service: 'users', id: 'one', address: 'h:1' } as const;
    expect(
      told(
        { type: 'entry.malformed', place: 'key', error: new Error('key: no JSON') },
        { ...endpoint, state: 'ready', previous: 'connecting' },
        { ...endpoint, state: 'failed', previous: 'ready', error: 'refused' },
        { ...endpoint, state: 'impostor', previous: 'failed', error: 'it hosts another service' },
        { type: 'instance.removed', service: 'users', id: 'one', cause: 'left' },
        { type: 'view.failed', service: 'users', error: new Error('permission denied') },
      ),
    ).toEqual([
      'warn [Rookery] skipped: key: no JSON',
      'warn [Rookery] users: h:1 cannot be reached: refused; no call goes there',
      'warn [Rookery] users: h:1: it hosts another service; no call goes there',
      'error [Rookery] users: permission denied',
    ]);
  });

  it('tells once that an instance is unhealthy, however many clients say so, and once that it serves again', () => {
    const endpoint = { type: 'endpoint.changed', service: 'users', id: 'one', address: 'h:1' } as const;
    const error = 'it says NOT_SERVING';
    const unhealthy: RookeryEvent = { ...endpoint, state: 'unhealthy', previous: 'ready', error };
    const ready: RookeryEvent = { ...endpoint, state: 'ready', previous: 'unhealthy' };
    const removed: RookeryEvent = { type: 'instance.removed', service: 'users', id: 'one', cause: 'left' };
    expect(told(unhealthy, unhealthy, ready, ready, unhealthy, removed, ready)).toEqual([
      'warn [Rookery] users: h:1: it says NOT_SERVING; no call goes there until it serves',
      'log [Rookery] users: h:1 serves again',
      'warn [Rookery] users: h:1: it says NOT_SERVING; no call goes there until it serves',
    ]);
  });

  it('does not say that an instance serves again because a client that does not ask reconnects', () => {
    const endpoint = { type: 'endpoint.changed', service: 'users', id: 'one', address: 'h:1' } as const;
    const unhealthy: RookeryEvent = {
      ...endpoint,
      state: 'unhealthy',
      previous: 'ready',
      error: 'it says NOT_SERVING',
    };
    expect(told(unhealthy, { ...endpoint, state: 'ready', previous: 'failed' })).toHaveLength(1);
    lines = [];
    // Its connection has ended, and it is unhealthy again: that is news.
    expect(told(unhealthy, { ...endpoint, state: 'failed', previous: 'unhealthy' }, unhealthy)).toHaveLength(3);
  });

  it('tells once that an instance cannot be reached, however many clients say so, and once that it is back', () => {
    const endpoint = { type: 'endpoint.changed', service: 'users', id: 'one', address: 'h:1' } as const;
    const failed: RookeryEvent = { ...endpoint, state: 'failed', previous: 'connecting', error: 'refused' };
    const ready: RookeryEvent = { ...endpoint, state: 'ready', previous: 'failed' };
    const removed: RookeryEvent = { type: 'instance.removed', service: 'users', id: 'one', cause: 'left' };
    expect(told(failed, failed, ready, ready, failed, removed, ready)).toEqual([
      'warn [Rookery] users: h:1 cannot be reached: refused; no call goes there',
      'log [Rookery] users: h:1 is reached again',
      'warn [Rookery] users: h:1 cannot be reached: refused; no call goes there',
    ]);
  });

  it('names ten instances of a service that cannot be reached, and says once that there are more', () => {
    const log = new EventLog('etcd://registry');
    const change = (service: string, i: number, state: 'failed' | 'ready') =>
      log.listen({
        ...({ type: 'endpoint.changed', service, id: `i${i}`, address: `h:${i}`, previous: 'connecting' } as const),
        state,
        error: 'refused',
      });
    for (let i = 0; i < 10_000; i += 1) change('users', i, 'failed');
    change('orders', 0, 'failed');
    expect(lines).toHaveLength(12);
    expect(lines[10]).toBe(
      'warn [Rookery] users: more instances cannot be reached; they are not named while so many are away',
    );
    expect(lines[11]).toBe('warn [Rookery] orders: h:0 cannot be reached: refused; no call goes there');
    lines = [];
    for (let i = 0; i < 10_000; i += 1) change('users', i, 'ready');
    expect(lines).toHaveLength(10);
    change('users', 0, 'failed');
    expect(lines).toHaveLength(11);
  });

  it('tells once that an instance is ejected, why and how long, however many clients say so, and that it is back', () => {
    const instance = { service: 'users', id: 'one', address: 'h:1' };
    const ejected: RookeryEvent = {
      type: 'endpoint.ejected',
      ...instance,
      group: '',
      reason: 'consecutive-failures',
      forMs: 4321,
    };
    const restored: RookeryEvent = { type: 'endpoint.restored', ...instance };
    const removed: RookeryEvent = { type: 'instance.removed', service: 'users', id: 'one', cause: 'left' };
    const rate: RookeryEvent = { ...ejected, reason: 'success-rate', forMs: 300_000 };
    expect(told(ejected, ejected, restored, restored, rate, removed, restored)).toEqual([
      'warn [Rookery] users: h:1 fails time after time; no call goes there for 4.3 s',
      'log [Rookery] users: h:1 gets calls again',
      'warn [Rookery] users: h:1 fails far more often than its group; no call goes there for 300 s',
    ]);
  });

  it('tells that all of a group are ejected', () => {
    const panicked = { type: 'group.panicked', service: 'users', instances: 2 } as const;
    expect(told({ ...panicked, group: '' }, { ...panicked, group: 'canary' })).toEqual([
      'warn [Rookery] users: every instance without a group that could take calls is ejected; calls go to them all the same',
      'warn [Rookery] users: every instance of group canary that could take calls is ejected; calls go to them all the same',
    ]);
  });

  it('tells once a service that its servers have no health service', () => {
    const unchecked = { type: 'health.unchecked', service: 'users', id: 'one', address: 'h:1' } as const;
    expect(told(unchecked, { ...unchecked, id: 'two' }, { ...unchecked, service: 'orders' })).toEqual([
      'warn [Rookery] users: h:1 has no health service; it counts as healthy',
      'warn [Rookery] orders: h:1 has no health service; it counts as healthy',
    ]);
  });
});
