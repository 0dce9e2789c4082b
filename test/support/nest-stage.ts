import {
  Controller,
  Inject,
  Injectable,
  Module,
  type DynamicModule,
  type INestApplicationContext,
  type LoggerService,
  type Type,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Metadata } from '@grpc/grpc-js';
import { GrpcMethod, type MicroserviceOptions } from '@nestjs/microservices';
import {
  RegisterService,
  Rookery,
  rookeryGrpc,
  RookeryModule,
  type Registry,
  type RookeryGrpcOptions,
  type RookeryModuleOptions,
} from 'rookery';
import { memory } from 'rookery/registries';
import { range, type Observable } from 'rxjs';
import { map } from 'rxjs/operators';
import { expect } from 'vitest';
import { probe, type Answer, type Question } from '../apps/contracts.js';

type ModuleOptions = Pick<DynamicModule, 'imports' | 'providers' | 'controllers'> & {
  /** What its controller answers with. */
  readonly name?: string;
  readonly root?: RookeryModuleOptions | DynamicModule;
};

/**
 * Nest applications of one spec, in this process and over a registry of their own. What they do is in `log`, in order:
 * the hooks of the user's providers, calls, and the states of registrations.
 */
export class NestStage {
  readonly log: string[] = [];
  readonly warnings: string[] = [];
  /** Calls with a delay wait for this. */
  readonly gate: Promise<void>;
  openGate!: () => void;
  /** In the order of their making. */
  readonly apps: INestApplicationContext[] = [];

  constructor(readonly registry: Registry = memory()) {
    this.gate = new Promise((resolve) => (this.openGate = resolve));
    this.registry.events.on((event) => {
      if (event.type === 'registration.changed') this.log.push(`${event.service} ${event.state}`);
    });
  }

  async close(): Promise<void> {
    this.openGate();
    for (const app of this.apps.splice(0).toReversed()) await app.close();
  }

  module({ name = '', root = {}, ...definition }: ModuleOptions = {}): DynamicModule {
    @Module({})
    class AppModule {}
    const rookery = 'module' in root ? root : RookeryModule.forRoot({ registry: this.registry, ...root });
    return {
      module: AppModule,
      imports: [rookery, ...(definition.imports ?? [])],
      controllers: definition.controllers ?? [ProbeController],
      providers: [
        Hooks,
        { provide: NestStage, useValue: this },
        { provide: 'NAME', useValue: name },
        ...(definition.providers ?? []),
      ],
    };
  }

  async micro(
    options: RookeryGrpcOptions | Parameters<typeof rookeryGrpc>[0] = { service: probe('probe') },
    module = this.module(),
  ) {
    const app = await NestFactory.createMicroservice<MicroserviceOptions>(module as unknown as Type, {
      ...rookeryGrpc(options),
      ...this.options,
    });
    this.apps.push(app);
    return app;
  }

  async listening(...args: Parameters<NestStage['micro']>) {
    const app = await this.micro(...args);
    const { port } = (await app.listen()) as unknown as { port: number };
    return { app, port, rookery: app.get(Rookery) };
  }

  async hybrid(module = this.module()) {
    const app = await NestFactory.create(module as unknown as Type, this.options);
    this.apps.push(app);
    return app;
  }

  async context(module = this.module()) {
    const app = await NestFactory.createApplicationContext(module as unknown as Type, this.options);
    this.apps.push(app);
    return app;
  }

  /** An application with clients only. */
  client(...imports: NonNullable<DynamicModule['imports']>) {
    return this.context(this.module({ imports, controllers: [] }));
  }

  /** What of the log is in the list. */
  order(...entries: readonly string[]): string[] {
    return this.log.filter((entry) => entries.includes(entry));
  }

  get options() {
    return { logger: warningsTo(this.warnings), abortOnError: false as const };
  }
}

@Injectable()
class Hooks {
  constructor(@Inject(NestStage) private readonly stage: NestStage) {}

  onModuleInit = () => void this.stage.log.push('onModuleInit');
  onApplicationBootstrap = () => void this.stage.log.push('onApplicationBootstrap');
  onModuleDestroy = () => void this.stage.log.push('onModuleDestroy');
}

/** Answers with its name, or with what the metadata `x-name` says. */
@Controller()
@RegisterService()
export class ProbeController {
  constructor(
    @Inject(NestStage) private readonly stage: NestStage,
    @Inject('NAME') private readonly name: string,
  ) {}

  @GrpcMethod('Probe', 'Ask')
  async ask({ delayMs }: Required<Question>, metadata: Metadata): Promise<Partial<Answer>> {
    this.stage.log.push('call');
    if (delayMs > 0) await this.stage.gate;
    return { name: String(metadata.get('x-name')[0] ?? this.name) };
  }

  @GrpcMethod('Probe', 'Follow')
  follow({ count }: Required<Question>): Observable<Partial<Answer>> {
    return range(0, count).pipe(map((i) => ({ name: `${this.name}${i}` })));
  }
}

/** Where the only registration of an application is. */
export function portOf(rookery: Rookery): number {
  expect(rookery.registrations).toHaveLength(1);
  return Number(rookery.registrations[0]!.instance.address.split(':').at(-1));
}

function warningsTo(warnings: string[]): LoggerService {
  const note = (message: unknown) => void warnings.push(String(message));
  return { log: () => {}, error: () => {}, warn: note };
}
