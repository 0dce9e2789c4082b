import { Logger, type LoggerService } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDirectory } from '../../core/directory.js';
import { createInstance } from '../../core/instance.js';
import { memory } from '../../registries/memory.js';
import { fakeTime } from '../../testing/fake-time.js';
import { HostedServices } from './hosted-services.js';
import type { ServerHealth } from './health.js';
import { Rotation, type RotationOptions } from './rotation.js';

const warnings: string[] = [];
beforeEach(() => {
  warnings.length = 0;
  Logger.overrideLogger({
    log: () => {},
    error: () => {},
    warn: (text) => warnings.push(String(text)),
  } as LoggerService);
});
afterEach(() => Logger.overrideLogger(true as never));

function stage(options: Partial<RotationOptions> = {}) {
  const registry = memory();
  const time = fakeTime();
  const directory = createDirectory(registry, { time, random: () => 0 });
  const hosted = new HostedServices(registry, [createInstance({ id: 'u', service: 'users', address: 'h:1' })]);
  const said: string[] = [];
  const health = {
    update: ({ serving, inRotation }: { serving: boolean; inRotation: boolean }) =>
      said.push(inRotation ? 'in rotation' : serving ? 'serving' : 'not serving'),
    stop: () => said.push('stopped'),
  } as unknown as ServerHealth;
  const published: string[] = [];
  const rotation = new Rotation({
    label: 'users',
    mode: 'auto',
    hosted,
    health,
    dependsOn: [],
    check: undefined,
    checkIntervalMs: 5000,
    directory,
    time,
    onPublished: () => published.push('published'),
    onFailed: (error) => published.push(String(error)),
    ...options,
  });
  const add = (service: string, weight = 100) =>
    registry.register(createInstance({ id: service, service, address: 'h:2', weight }));
  return { rotation, time, hosted, said, published, add };
}

describe('a server enters rotation', () => {
  it('at once where it waits for nothing, and once however often it is told', () => {
    const { rotation, said, published } = stage();
    rotation.start();
    rotation.start();
    expect([published, said]).toEqual([['published'], ['in rotation']]);
  });

  it('when every service that it depends on has an instance with weight', async () => {
    const { rotation, time, published, said, add } = stage({ dependsOn: ['orders', 'payments'] });
    rotation.start();
    add('orders');
    const payments = add('payments', 0);
    await time.advanceAsync(10_000);
    expect([published, said]).toEqual([[], ['serving']]);
    expect(warnings).toEqual([
      expect.stringMatching(/^ROOKERY_DEPENDENCY_ABSENT at rookeryGrpc\.dependsOn: users waits for payments,/),
    ]);
    await payments.update({ weight: 1 });
    await time.advanceAsync(0);
    expect([published, said.at(-1), warnings.length]).toEqual([['published'], 'in rotation', 1]);
  });

  it('when its health check has passed, asked each second until then', async () => {
    let asked = 0;
    const answers = [false, new Error('no database'), () => new Promise(() => {}), true];
    const check = () => {
      const answer = answers[Math.min(asked++, 3)];
      if (answer instanceof Error) throw answer;
      return typeof answer === 'function' ? answer() : answer;
    };
    const { rotation, time, published } = stage({ check });
    rotation.start();
    await time.advanceAsync(0);
    await time.advanceAsync(1000);
    await time.advanceAsync(1000);
    expect([asked, published]).toEqual([3, []]);
    await time.advanceAsync(5000);
    await time.advanceAsync(1000);
    expect([asked, published]).toEqual([4, ['published']]);
    expect(warnings).toEqual(['users is not healthy: the check says false; it is not registered until it is']);
  });

  it("not by itself where register is 'manual'; by the user's word, whatever it waits for", async () => {
    const { rotation, time, published, hosted, said, add } = stage({ mode: 'manual', dependsOn: ['orders'] });
    rotation.start();
    rotation.enter();
    expect([hosted.registrations.length, said.at(-1)]).toEqual([1, 'in rotation']);
    await rotation.leave();
    add('orders');
    await time.advanceAsync(0);
    expect([hosted.registrations.length, published, said.at(-1)]).toEqual([0, ['published'], 'serving']);
  });

  it.each(['auto', 'manual'] as const)(
    "not before it has started, whatever the user's word, which it keeps until then: %s",
    (mode) => {
      const { rotation, published, hosted, said } = stage({ mode, dependsOn: ['orders'], check: () => false });
      rotation.enter();
      expect([hosted.published, published, said]).toEqual([false, [], ['not serving']]);
      rotation.start();
      expect([hosted.registrations.length, published]).toEqual([1, ['published']]);
    },
  );

  it("in health alone where register is 'never'", async () => {
    const { rotation, hosted, said } = stage({ mode: 'never' });
    rotation.start();
    rotation.enter();
    await rotation.leave();
    expect([hosted.published, said]).toEqual([false, ['in rotation', 'in rotation']]);
  });

  it('not after the user took it out before its time', async () => {
    const { rotation, time, published, add } = stage({ dependsOn: ['orders'] });
    rotation.start();
    await rotation.leave();
    add('orders');
    await time.advanceAsync(0);
    expect(published).toEqual([]);
  });

  it('not once it has ended; nothing is left running', async () => {
    const { rotation, time, published, said, hosted, add } = stage({ dependsOn: ['orders'], check: () => true });
    rotation.start();
    rotation.end();
    add('orders');
    await time.advanceAsync(70_000);
    expect([published, said.at(-1), hosted.draining]).toEqual([[], 'stopped', true]);
  });

  it('or tells why it cannot', async () => {
    const closed = {
      published: false,
      publish: () => expect.fail('the registry is closed'),
    } as unknown as HostedServices;
    const { rotation, time, published } = stage({ hosted: closed, check: () => true });
    rotation.start();
    await time.advanceAsync(0);
    expect(published).toEqual([expect.stringContaining('the registry is closed')]);
  });
});
