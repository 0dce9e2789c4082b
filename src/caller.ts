/** The client of the demo fleet: calls both services without pause and tells its parent who answered. */
import { Injectable, Logger, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { InjectService, isCallError, RookeryModule, type AsyncClient } from 'rookery';
import { setTimeout as sleep } from 'node:timers/promises';
import { Orders, Users, type OrderService, type UserService } from './contracts.js';

/** Who answered how many calls since the last report, and how many failed. */
export interface CallReport {
  readonly answered: Readonly<Record<string, number>>;
  readonly failed: number;
}

const CALLS_PER_ROUND = 20;

@Injectable()
class Caller implements OnApplicationBootstrap {
  #answered: Record<string, number> = {};
  #failed = 0;

  constructor(
    @InjectService(Users, 'UserService') private readonly users: AsyncClient<UserService>,
    @InjectService(Orders, 'OrderService') private readonly orders: AsyncClient<OrderService>,
  ) {}

  onApplicationBootstrap(): void {
    void this.#run();
    setInterval(() => this.#report(), 250).unref();
  }

  async #run(): Promise<void> {
    for (let id = 1; process.connected; id += CALLS_PER_ROUND) {
      await Promise.all(Array.from({ length: CALLS_PER_ROUND }, (_, i) => this.#call(id + i)));
      await sleep(10);
    }
  }

  async #call(id: number): Promise<void> {
    // One user in ten is a friend who sees the canaries first; everybody else never meets them.
    const group = id % 10 === 0 ? ['canary', ''] : '';
    try {
      const answers = [await this.users.getUser({ id }, { group }), await this.orders.getOrder({ id })];
      for (const { by } of answers) this.#answered[by] = (this.#answered[by] ?? 0) + 1;
    } catch (error) {
      if (!isCallError(error)) throw error;
      this.#failed += 1;
    }
  }

  #report(): void {
    const report: CallReport = { answered: this.#answered, failed: this.#failed };
    if (process.connected) process.send?.(report);
    this.#answered = {};
    this.#failed = 0;
  }
}

@Module({ imports: [RookeryModule.forRoot(), RookeryModule.forFeature([Users, Orders])], providers: [Caller] })
class CallerModule {}

async function main(): Promise<void> {
  const app = await NestFactory.createApplicationContext(CallerModule, { logger: ['warn', 'error'] });
  app.enableShutdownHooks();
  process.on('disconnect', () => void app.close());
}

main().catch((error: unknown) => {
  Logger.error(error);
  process.exitCode = 1;
});
