import { describe, expect, it } from 'vitest';
import type { InstanceOptions } from '../../core/instance.js';
import type { DecoratedController } from './controllers.js';
import { planServices } from './service-plan.js';

const controller = (name: string, service?: string, instance: InstanceOptions = {}): DecoratedController => ({
  name,
  registration: { ...(service !== undefined && { name: service }), instance },
  handlers: [{ service: 'Probe', rpc: 'Ask' }],
});

describe('planServices', () => {
  it('plans one service for each name', () => {
    const plan = planServices([controller('A', 'users'), controller('B', 'orders'), controller('C', 'users')], {
      environment: {},
    });
    expect(plan.map(({ name }) => name)).toEqual(['users', 'orders']);
  });

  it('names after the server what its decorator does not name', () => {
    expect(
      planServices([controller('A'), controller('B', 'orders')], { service: 'users', environment: {} }).map(
        ({ name }) => name,
      ),
    ).toEqual(['users', 'orders']);
  });

  it('lets the option win over the environment, and that over the decorator', () => {
    const [plan] = planServices([controller('A', 'users', { weight: 1, group: 'decorator', zone: 'decorator' })], {
      environment: { weight: 2, group: 'environment' },
      option: { weight: 3 },
      service: undefined,
    });
    expect(plan!.options).toMatchObject({ weight: 3, group: 'environment', zone: 'decorator' });
  });

  it('merges metadata key by key', () => {
    const [plan] = planServices([controller('A', 'users', { metadata: { a: 'decorator', b: 'decorator' } })], {
      environment: {},
      option: { metadata: { b: 'option', c: 'option' } },
    });
    expect(plan!.options.metadata).toEqual({ a: 'decorator', b: 'option', c: 'option' });
  });

  it('takes two controllers of one service that say the same, in whatever order', () => {
    const controllers = [
      controller('A', 'users', { weight: 5, group: 'x' }),
      controller('B', 'users', { group: 'x', weight: 5 }),
    ];
    expect(planServices(controllers, { environment: {} })).toHaveLength(1);
  });

  it('refuses two controllers of one service that say different things', () => {
    const controllers = [controller('A', 'users', { weight: 5 }), controller('B', undefined, { weight: 6 })];
    expect(() => planServices(controllers, { service: 'users', environment: {} })).toThrow(
      expect.objectContaining({
        code: 'ROOKERY_CONTROLLER_CONFLICT',
        message: expect.stringContaining(
          'at @RegisterService on B: "users" is registered by A {"weight":5} and B {"weight":6}. One server is',
        ),
      }),
    );
  });

  it('refuses a controller that nobody names', () => {
    expect(() => planServices([controller('A')], { environment: {} })).toThrow(
      expect.objectContaining({
        code: 'ROOKERY_SERVICE_UNNAMED',
        path: '@RegisterService on A',
        message: expect.stringContaining("@RegisterService('user-server')"),
      }),
    );
  });
});
