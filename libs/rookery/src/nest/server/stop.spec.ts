import { describe, expect, it } from 'vitest';
import { createInstance } from '../../core/instance.js';
import type { Registration } from '../../core/registration.js';
import type { Registry } from '../../core/registry.js';
import { fakeTime } from '../../testing/fake-time.js';
import { HostedServices } from './hosted-services.js';
import type { Rotation } from './rotation.js';
import { stopServer } from './stop.js';

interface Stage {
  /** When the last call came in; absent: never. */
  readonly lastCallAt?: number;
  /** How many connections are open; 1 by default. */
  readonly sessions?: number;
  readonly propagationMs?: number;
  readonly drainMs?: number;
  readonly streamMs?: number;
  readonly published?: boolean;
  /** Deregistered by hand before the stop. */
  readonly withdrawn?: boolean;
  /** How long the steps take, ms; Infinity: they never end. */
  readonly withdrawing?: number;
  readonly draining?: number;
  /** When every client has been sent everything, after the start of the stop. */
  readonly spentAt?: number;
}

function stage({
  lastCallAt,
  sessions = 1,
  propagationMs = 0,
  drainMs = 10_000,
  streamMs = drainMs,
  published = true,
  withdrawn = false,
  withdrawing = 0,
  draining = 0,
  spentAt = Infinity,
}: Stage = {}) {
  const time = fakeTime(1000);
  const force = new AbortController();
  const log: string[] = [];
  const lasting = (ms: number) => new Promise<void>((resolve) => void (ms < Infinity && time.after(ms, resolve)));
  const step = async (name: string, ms: number) => {
    log.push(`${time.now() - 1000} ${name}`);
    await lasting(ms);
  };
  const registration = {
    instance: createInstance({ id: 'i', service: 's', address: 'h:1' }),
    [Symbol.asyncDispose]: () => step('withdraw', withdrawing),
  };
  const registry = {
    capabilities: { propagationMs },
    register: () => registration as unknown as Registration,
  } as unknown as Registry;
  const hosted = new HostedServices(registry, [registration.instance]);
  if (published) hosted.publish();
  if (withdrawn) void hosted.withdraw();
  const rotation = { end: () => void (hosted.draining = true) } as Rotation;
  const server = {
    calls: { end: (_: object, which = 'all') => void step(`end ${which}`, 0) },
    goAway: () => {},
    endAsides: () => void step('end asides', 0),
    lastCallAt,
    sessions,
    get spent() {
      return time.now() - 1000 >= spentAt;
    },
    drain: () => step('drain', draining),
    forceShutdown: () => void step('force', 0),
  };
  const settings = { registry, time, drainMs, streamMs, force: force.signal };
  const stopped = stopServer({ server, hosted, rotation }, settings).then(() =>
    log.push(`${time.now() - 1000} stopped`),
  );
  return { time, log, server, hosted, stopped, force };
}

describe('stopServer', () => {
  it('says that it drains, deregisters, lets calls end, and only then ends', async () => {
    const { time, log, hosted } = stage({ lastCallAt: 1000, draining: 50 });
    expect(hosted.hello().draining).toBe(true);
    await time.advanceAsync(5000);
    expect(log).toEqual(['0 withdraw', '300 end asides', '300 drain', '350 force', '350 stopped']);
  });

  it.each([true, false])('does not wait where nobody is connected, be it published or not: %s', async (published) => {
    const { time, log } = stage({ sessions: 0, lastCallAt: 900, propagationMs: 1000, published });
    await time.advanceAsync(0);
    const withdrawn = published ? ['0 withdraw'] : [];
    expect(log).toEqual([...withdrawn, '0 end asides', '0 drain', '0 force', '0 stopped']);
  });

  it('waits for those who are connected and have not called yet', async () => {
    const { time, log } = stage({ propagationMs: 1000 });
    await time.advanceAsync(999);
    expect(log).toEqual(['0 withdraw']);
    await time.advanceAsync(1);
    expect(log.at(-1)).toBe('1000 stopped');
  });

  it('serves for as long as the registry takes to tell everybody', async () => {
    const { time, log } = stage({ lastCallAt: 0, propagationMs: 1000 });
    await time.advanceAsync(999);
    expect(log).toEqual(['0 withdraw']);
    await time.advanceAsync(1);
    expect(log.at(-1)).toBe('1000 stopped');
  });

  it('waits for 300 ms without a new call', async () => {
    const { time, log, server } = stage({ lastCallAt: 1000 });
    for (const ms of [200, 400]) {
      await time.advanceAsync(200);
      server.lastCallAt = 1000 + ms;
    }
    await time.advanceAsync(299);
    expect(log).toEqual(['0 withdraw']);
    await time.advanceAsync(1);
    expect(log.at(-1)).toBe('700 stopped');
  });

  it('waits for quiet no longer than 5 s', async () => {
    const { time, log, server } = stage({ lastCallAt: 1000 });
    for (let ms = 0; ms < 6000; ms += 100) {
      server.lastCallAt = time.now();
      await time.advanceAsync(100);
    }
    expect(log.slice(2)).toEqual(['5000 drain', '5000 force', '5000 stopped']);
  });

  it('waits for the registry no longer than 2 s', async () => {
    const { time, log } = stage({ withdrawing: Infinity });
    await time.advanceAsync(1999);
    expect(log).toEqual(['0 withdraw']);
    await time.advanceAsync(1);
    expect(log.at(-1)).toBe('2000 stopped');
  });

  it('ends running calls by force after drainMs', async () => {
    const { time, log } = stage({ draining: Infinity, drainMs: 700 });
    await time.advanceAsync(700);
    expect(log.slice(2)).toEqual(['0 drain', '700 end streams', '700 end all']);
    await time.advanceAsync(199);
    expect(log.slice(5)).toEqual([]);
    await time.advanceAsync(1);
    expect(log.slice(5)).toEqual(['900 force', '900 stopped']);
  });

  it('ends streams before other calls where they have less time', async () => {
    const { time, log } = stage({ draining: Infinity, drainMs: 700, streamMs: 200 });
    await time.advanceAsync(900);
    expect(log.slice(2)).toEqual(['0 drain', '200 end streams', '700 end all', '900 force', '900 stopped']);
  });

  it.each([
    ['while it withdraws', { withdrawing: Infinity }, 100, ['100 end asides', '100 drain']],
    ['while calls still come', { lastCallAt: 1000, draining: Infinity }, 100, ['100 end asides', '100 drain']],
    ['while calls run', { draining: Infinity }, 100, []],
  ])('waits for nothing any more once it is forced, %s', async (_, options, ms, rest) => {
    const { time, log, force } = stage({ draining: Infinity, ...options });
    await time.advanceAsync(ms);
    force.abort();
    await time.advanceAsync(200);
    expect(log.slice(-4 - rest.length)).toEqual([
      ...rest,
      '100 end streams',
      '100 end all',
      '300 force',
      '300 stopped',
    ]);
  });

  it('serves a while where nothing was published: others have heard of its health by then', async () => {
    const { time, log } = stage({ published: false, propagationMs: 1000 });
    await time.advanceAsync(299);
    expect(log).toEqual([]);
    await time.advanceAsync(1);
    expect(log).toEqual(['300 end asides', '300 drain', '300 force', '300 stopped']);
  });

  it('does not wait for those who have been sent everything and do not go: they are frozen, or gone', async () => {
    const { time, log } = stage({ draining: Infinity, spentAt: 1000 });
    await time.advanceAsync(1499);
    expect(log.slice(2)).toEqual(['0 drain']);
    await time.advanceAsync(1);
    expect(log.slice(3)).toEqual(['1500 force', '1500 stopped']);
    expect(time.timers).toBe(0);
  });

  it('waits for quiet also where it was deregistered before: clients may not have heard of it yet', async () => {
    const { time, log } = stage({ withdrawn: true, lastCallAt: 1000, propagationMs: 500 });
    await time.advanceAsync(499);
    expect(log).toEqual(['0 withdraw']);
    await time.advanceAsync(1);
    expect(log.slice(2)).toEqual(['500 drain', '500 force', '500 stopped']);
  });

  it('leaves no timer behind', async () => {
    const { time, stopped } = stage({ lastCallAt: 1000, draining: 10 });
    await time.advanceAsync(400);
    await stopped;
    expect(time.timers).toBe(0);
  });
});
