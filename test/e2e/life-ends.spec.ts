import { fork } from 'node:child_process';
import { once } from 'node:events';
import { status } from '@grpc/grpc-js';
import { eventually } from 'rookery/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEtcd, type TestEtcd } from '../support/etcd.js';
import { watchHealth } from '../support/health-client.js';
import { LifeServer } from '../support/life-stage.js';

/** A test that takes longer hangs, ms: the limits of all the steps of an end together stay well below. */
const HANGS_MS = 20_000;

describe('the end of a server is bounded', { timeout: HANGS_MS }, () => {
  let etcd: TestEtcd;
  beforeAll(async () => void (etcd = await startEtcd()));
  afterAll(() => etcd.stop());

  const start = (env: NodeJS.ProcessEnv = {}) => LifeServer.start({ ROOKERY_REGISTRY: `etcd://${etcd.host}`, ...env });

  it('with an open stream both ways, a health watch and a frozen client, while calls complete', async () => {
    const drainMs = 2500;
    await using server = await start({ NODE_ENV: 'production', LIFE_DRAIN_MS: String(drainMs) });
    const frozen = fork('dist/test/apps/frozen-client.js', [server.address], { execArgv: [] });
    try {
      await once(frozen, 'message');
      frozen.kill('SIGSTOP');
      const chat = await server.stream('Chat');
      const health = await watchHealth(server.address, 'life');
      const { answer } = await server.begin('Linger');
      server.close();
      await server.until('deregistered');
      expect(await answer).toBe(status.OK);
      expect(await health.end).toBe(status.OK);
      expect(health.statuses).toEqual(['SERVING', 'NOT_SERVING']);
      // By now it drains: what is left has its limit, and not a second more.
      const left = performance.now();
      expect(await server.ended()).toBe(0);
      expect(performance.now() - left).toBeLessThan(drainMs + 1000);
      expect(await chat.end).toBe(status.UNAVAILABLE);
    } finally {
      frozen.kill('SIGKILL');
    }
  });

  it.each([
    ['SIGTERM', 'SIGTERM'],
    ['close()', 0],
  ] as const)('where a hook of the user throws, by %s', async (by, end) => {
    await using server = await start({ LIFE_HOOK: 'throw' });
    if (by === 'close()') server.close();
    else server.signal(by);
    expect(await server.ended()).toBe(end);
    expect(server.lines.join('\n')).toContain('a hook of the user failed');
    // Nest goes on with the other hooks.
    expect(server.tape.slice(3, 7)).toEqual([
      'deregistered',
      'onModuleDestroy',
      'beforeApplicationShutdown',
      'onApplicationShutdown',
    ]);
  });

  it('where a call fails while the server drains: its client gets the status', async () => {
    await using server = await start();
    const { answer } = await server.begin('Fail');
    server.signal('SIGTERM');
    expect(await server.ended()).toBe('SIGTERM');
    expect(await answer).toBe(status.FAILED_PRECONDITION);
  });

  it('where the registry hangs', async () => {
    await using server = await start();
    etcd.kill('SIGSTOP');
    try {
      server.signal('SIGTERM');
      expect(await server.ended()).toBe('SIGTERM');
      expect(server.tape.at(-1)).toBe('onApplicationShutdown');
    } finally {
      etcd.kill('SIGCONT');
    }
  });

  it('by force where a call would hold it for long, with a status that lets clients go elsewhere', async () => {
    await using server = await start({ LIFE_DRAIN_MS: '600000' });
    const { answer } = await server.begin('Hang');
    server.signal('SIGTERM');
    await server.until('deregistered');
    // Signals that come together are one.
    await eventually(() => {
      server.signal('SIGTERM');
      expect(server.lines.join('\n')).toContain('a second SIGTERM');
    });
    expect(await server.ended()).toBe('SIGTERM');
    expect(await answer).toBe(status.UNAVAILABLE);
    expect(server.tape.at(-1)).toBe('onApplicationShutdown');
  });

  it('by force where a hook of the user hangs', async () => {
    await using server = await start({ LIFE_HOOK: 'hang' });
    server.signal('SIGINT');
    await server.until('onModuleDestroy');
    await eventually(() => {
      server.signal('SIGINT');
      expect(server.lines.join('\n')).toContain('a second SIGINT');
    });
    expect(await server.ended()).toBe('SIGINT');
  });

  it('not by force where close() came first and only one signal after it', async () => {
    await using server = await start();
    const { answer } = await server.begin('Linger');
    server.close();
    server.signal('SIGTERM');
    expect(await server.ended()).toBe('SIGTERM');
    expect(await answer).toBe(status.OK);
    expect(server.lines.join('\n')).not.toContain('a second');
  });
});
