import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import { HealthWatches, type WatchCall } from './health-watches.js';

function watching(watches: HealthWatches, service: string) {
  const statuses: string[] = [];
  const write = ({ status }: { status: string }) => statuses.push(status);
  const call = Object.assign(new EventEmitter(), { request: { service }, write });
  watches.watch(call as unknown as WatchCall);
  return { call, statuses };
}

it('tells those who watch a service how it is, and each change, a service that comes later too', () => {
  const watches = new HealthWatches();
  watches.set('users', 'SERVING');
  const [users, others] = [watching(watches, 'users'), watching(watches, 'others')];
  watches.set('users', 'SERVING');
  watches.set('users', 'NOT_SERVING');
  watches.set('others', 'SERVING');
  expect([users.statuses, others.statuses]).toEqual([
    ['SERVING', 'NOT_SERVING'],
    ['SERVICE_UNKNOWN', 'SERVING'],
  ]);
});

it('keeps nothing of a call that has gone', () => {
  const watches = new HealthWatches();
  const { call, statuses } = watching(watches, 'users');
  expect(watches.size).toBe(1);
  call.emit('cancelled');
  watches.set('users', 'SERVING');
  expect([watches.size, statuses]).toEqual([0, ['SERVICE_UNKNOWN']]);
});
