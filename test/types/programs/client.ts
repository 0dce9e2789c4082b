import { Injectable, Module } from '@nestjs/common';
import {
  InjectClient,
  InjectService,
  isCallError,
  RookeryClient,
  RookeryModule,
  UNGROUPED,
  withLane,
  type AsyncClient,
  type Registry,
} from 'rookery';
import { firstValueFrom } from 'rxjs';
import type { User, UserServiceClient, UserServiceController } from '../generated/nest/user.js';
import { Users } from './contracts.js';

@Injectable()
export class UserReader {
  constructor(
    @InjectService(Users, 'UserService') private readonly users: AsyncClient<UserServiceController>,
    @InjectClient('user-server') private readonly client: RookeryClient,
    @InjectClient('users-canary') private readonly canary: RookeryClient<{ UserService: UserServiceController }>,
  ) {}

  byId(id: number, signal: AbortSignal): Promise<User> {
    return this.users.getById(
      { id },
      { group: ['canary', UNGROUPED], timeoutMs: 5000, signal, metadata: { trace: '1' }, idempotent: true },
    );
  }

  async names(): Promise<string[]> {
    const names: string[] = [];
    for await (const user of this.users.list({ limit: 2 })) names.push(user.name);
    return names;
  }

  async count(): Promise<number> {
    return (await this.users.import([{ id: 1, name: 'Ada' }])).count;
  }

  async echo(): Promise<string[]> {
    const texts: string[] = [];
    for await (const { text } of this.users.chat([{ text: 'hello' }])) texts.push(text);
    return texts;
  }

  inLane(id: number): Promise<User> {
    return withLane('canary', () => this.users.getById({ id }));
  }

  byObservable(id: number): Promise<User> {
    return firstValueFrom(this.client.getService<UserServiceClient>('UserService').getById({ id }));
  }

  byClient(id: number): Promise<User> {
    return this.canary.with({ group: UNGROUPED, timeoutMs: 5000 }).getAsyncService('UserService').getById({ id });
  }

  /** Nobody is in this group. */
  async refused(): Promise<string | undefined> {
    try {
      await this.users.getById({ id: 1 }, { group: 'nobody' });
      return undefined;
    } catch (error) {
      return isCallError(error) ? error.reason : String(error);
    }
  }
}

export function clientModule(registry: Registry): new () => object {
  @Module({
    imports: [
      RookeryModule.forRoot({ registry }),
      RookeryModule.forFeature([Users, { service: Users, name: 'users-canary', group: ['canary', UNGROUPED] }]),
    ],
    providers: [UserReader],
  })
  class ClientModule {}
  return ClientModule;
}
