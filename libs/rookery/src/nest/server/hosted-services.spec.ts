import { describe, expect, it } from 'vitest';
import { createInstance } from '../../core/instance.js';
import type { RookeryEvent } from '../../core/event.js';
import { memory } from '../../registries/memory.js';
import { HostedServices } from './hosted-services.js';

const instanceOf = (service: string, group = '') =>
  createInstance({ id: 'one', generation: 'g', service, group, address: '127.0.0.1:1', peer: 1 });

function hosting(...instances: ReturnType<typeof instanceOf>[]) {
  const registry = memory();
  const states: string[] = [];
  registry.events.on(
    (event: RookeryEvent) =>
      void (event.type === 'registration.changed' && states.push(`${event.service} ${event.state}`)),
  );
  return { hosted: new HostedServices(registry, instances), states, registry };
}

describe('HostedServices', () => {
  it('registers every service once, however often it is published', () => {
    const { hosted, states } = hosting(instanceOf('users'), instanceOf('orders'));
    hosted.publish();
    hosted.publish();
    expect(states).toEqual(['users registered', 'orders registered']);
    expect(hosted.registrations).toHaveLength(2);
  });

  it('registers all or nothing: one that is refused takes back those before it', () => {
    const { hosted, states, registry } = hosting(instanceOf('users'), instanceOf('orders'), instanceOf('items'));
    const register = registry.register.bind(registry);
    const refusal = new Error('orders is refused');
    registry.register = (instance) => {
      if (instance.service === 'orders') throw refusal;
      return register(instance);
    };
    expect(() => hosted.publish()).toThrow(refusal);
    expect(states).toEqual(['users registered', 'users released']);
    expect([hosted.registrations, hosted.published]).toEqual([[], false]);
    registry.register = register;
    hosted.publish();
    expect(states.slice(2)).toEqual(['users registered', 'orders registered', 'items registered']);
  });

  it('can be published again after it was withdrawn', async () => {
    const { hosted, states } = hosting(instanceOf('users'));
    hosted.publish();
    await hosted.withdraw();
    expect(hosted.registrations).toEqual([]);
    hosted.publish();
    expect(states).toEqual(['users registered', 'users released', 'users registered']);
  });

  it('registers nothing once it drains', () => {
    const { hosted, states } = hosting(instanceOf('users'));
    hosted.draining = true;
    hosted.publish();
    expect(states).toEqual([]);
  });

  it('says who it is before, while and after it is registered', async () => {
    const { hosted } = hosting(instanceOf('users', 'A'));
    const users = { name: 'users', group: 'A', id: 'one', generation: 'g' };
    expect(hosted.hello()).toEqual({ version: 1, services: [users], draining: false });
    hosted.publish();
    await hosted.registrations[0]!.update({ group: 'B' });
    expect(hosted.hello().services).toEqual([{ ...users, group: 'B' }]);
    hosted.draining = true;
    await hosted.withdraw();
    expect(hosted.hello()).toMatchObject({ services: [{ name: 'users' }], draining: true });
  });
});
