import { Injectable } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { describe, expect, it } from 'vitest';
import type { AsyncClient } from '../nest/client/async-client.types.js';
import { defineService } from '../nest/service-ref.js';
import { InjectService } from '../nest/tokens.js';
import { fakeService } from './fake-service.js';

interface User {
  id: number;
}

interface UserService {
  getById(request: { id: number }): Promise<User>;
  list(request: object): AsyncIterable<User>;
}

const Users = defineService<{ UserService: UserService }>({
  name: 'user-server',
  package: 'user',
  protoPath: 'is/never/read.proto',
});

@Injectable()
class Gateway {
  constructor(@InjectService(Users, 'UserService') readonly users: AsyncClient<UserService>) {}

  async firstOf(): Promise<User | undefined> {
    for await (const user of this.users.list({})) return user;
    return undefined;
  }
}

const gatewayWith = async (implementation: Partial<AsyncClient<UserService>>) => {
  const module = await Test.createTestingModule({
    providers: [Gateway, fakeService(Users, 'UserService', implementation)],
  }).compile();
  return module.init().then((app) => app.get(Gateway));
};

describe('fakeService', () => {
  it('injects a literal where a class asks for a service', async () => {
    const { users } = await gatewayWith({ getById: async ({ id }) => ({ id }) });
    expect(await users.getById({ id: 7 })).toEqual({ id: 7 });
  });

  it('streams what an async generator yields', async () => {
    const gateway = await gatewayWith({
      async *list() {
        yield { id: 1 };
        yield { id: 2 };
      },
    });
    expect(await gateway.firstOf()).toEqual({ id: 1 });
  });

  it('is reached by both spellings of a method', async () => {
    const { useValue } = fakeService<Record<string, any>>('user-server', 'UserService', {
      GetById: () => 'upper',
      list: () => 'lower',
    });
    expect([useValue['getById'](), useValue['GetById'](), useValue['list'](), useValue['List']()]).toEqual([
      'upper',
      'upper',
      'lower',
      'lower',
    ]);
  });

  it('names the service and the method where the fake has none', async () => {
    const gateway = await gatewayWith({ getById: async () => ({ id: 1 }) });
    await expect(gateway.firstOf()).rejects.toThrow(
      'user-server/UserService.list() was called, but its fake has no such method.',
    );
  });

  it('can be awaited and closed like any provider', async () => {
    const provider = fakeService(Users, 'UserService', {});
    expect(await Promise.resolve(provider.useValue)).toBe(provider.useValue);
    const module = await Test.createTestingModule({ providers: [provider] }).compile();
    await module.init();
    await module.close();
  });

  it('knows the types of the contract', () => {
    // @ts-expect-error -- a user's id is a number
    fakeService(Users, 'UserService', { getById: async () => ({ id: 'one' }) });
    // @ts-expect-error -- there is no such service
    expect(fakeService(Users, 'OrderService', {}).provide).toBe('user-server/OrderService');
  });
});
