import { fork } from 'node:child_process';
import { once } from 'node:events';
import { status } from '@grpc/grpc-js';
import { eventually } from 'rookery/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEtcd, type EtcdServer } from 'rookery/testing';
import { watchHealth } from '../support/health-client.js';
import { LifeServer } from '../support/life-stage.js';

/** A test that takes longer hangs, ms: the limits of all the steps of an end together stay well below. */
const HANGS_MS = 20_000;
/** A drain that is not waited for, ms. */
const LONG_MS = 12_000;
/** One that is, ms. */
const SHORT_MS = 1500;
/** Before it, for clients on etcd to hear of the end, ms. */
const HEARING_MS = 1000;
/** After it, ms: what is left is ended, and told so. */
const OVER_MS = 1000;

describe('the end of a server is bounded', { timeout: HANGS_MS }, () => {
  let etcd: EtcdServer;
  beforeAll(async () => void (etcd = await startEtcd()));
  afterAll(() => etcd.stop());

  const start = (env: NodeJS.ProcessEnv = {}) => LifeServer.start({ ROOKERY_REGISTRY: `etcd://${etcd.host}`, ...env });

  const drained = (drainMs: number) => start({ NODE_ENV: 'production', LIFE_DRAIN_MS: String(drainMs) });
  /** How long it takes to end by itself, ms. */
  const endOf = async (server: LifeServer) => {
    const asked = performance.now();
    server.close();
    expect(await server.ended()).toBe(0);
    return performance.now() - asked;
  };
  /** How long calls and streams may go on, ms: until the user's own hooks run. */
  const drainOf = async (server: LifeServer) => {
    const asked = performance.now();
    server.close();
    await eventually(() => expect(server.tape).toContain('onModuleDestroy'), { timeoutMs: HANGS_MS });
    return performance.now() - asked;
  };
  const freeze = async (server: LifeServer, ...args: string[]) => {
    const child = fork('dist/test/apps/frozen-client.js', [server.address, ...args], { execArgv: [] });
    await once(child, 'message');
    child.kill('SIGSTOP');
    return { [Symbol.dispose]: () => void child.kill('SIGKILL') };
  };

  describe('and does not wait for who waits for nothing', () => {
    it('a health watch', async () => {
      await using server = await drained(LONG_MS);
      const health = await watchHealth(server.address, 'life');
      expect(await endOf(server)).toBeLessThan(LONG_MS / 2);
      expect(await health.end).toBe(status.OK);
      expect(health.statuses).toEqual(['SERVING', 'NOT_SERVING']);
    });

    it('an idle client that is frozen', async () => {
      await using server = await drained(LONG_MS);
      using _frozen = await freeze(server, 'idle');
      expect(await endOf(server)).toBeLessThan(LONG_MS / 2);
    });
  });

  describe('and gives what is open the time of the drain, and no more', () => {
    it('a stream both ways', async () => {
      await using server = await drained(SHORT_MS);
      const chat = await server.stream('Chat');
      expect(await drainOf(server)).toBeLessThan(HEARING_MS + SHORT_MS + OVER_MS);
      expect(await chat.end).toBe(status.UNAVAILABLE);
      expect(await server.ended()).toBe(0);
    });

    it('calls of a client that is frozen', async () => {
      await using server = await drained(SHORT_MS);
      using _frozen = await freeze(server);
      expect(await drainOf(server)).toBeLessThan(HEARING_MS + SHORT_MS + OVER_MS);
      expect(await server.ended()).toBe(0);
    });
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
    expect(server.tape.slice(server.tape.indexOf('NOT_SERVING')).slice(0, 5)).toEqual([
      'NOT_SERVING',
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
