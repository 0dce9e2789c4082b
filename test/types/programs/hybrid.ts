import { Injectable, Module } from '@nestjs/common';
import { ConfigModule, ConfigService } from '@nestjs/config';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import {
  ROOKERY_OPTIONS,
  rookeryGrpc,
  RookeryModule,
  UNGROUPED,
  type RookeryGrpcFactory,
  type RookeryGrpcOptions,
  type RookeryModuleOptions,
} from 'rookery';
import { etcd } from 'rookery/etcd';
import { Users, UsersFromProto } from './contracts.js';
import { HostedController, NamedController } from './service.js';

const registry = etcd({ hosts: ['127.0.0.1:2379'] });

@Module({ imports: [RookeryModule.forRoot({ registry })], controllers: [NamedController, HostedController] })
export class AppModule {}

@Module({
  imports: [
    ConfigModule.forRoot(),
    RookeryModule.forRootAsync({
      imports: [ConfigModule],
      inject: [ConfigService],
      useFactory: (config: ConfigService) => ({ registry: config.getOrThrow<string>('REGISTRY') }),
    }),
    RookeryModule.forFeature([
      Users,
      UsersFromProto,
      { service: Users, name: 'users-canary', group: ['canary', UNGROUPED], timeoutMs: 500 },
      { service: 'orders', package: 'orders', protoPath: ['orders.proto'], url: 'dns:///orders:50051' },
    ]),
    RookeryModule.forFeatureAsync([
      {
        service: Users,
        name: 'users-configured',
        inject: [ConfigService],
        useFactory: (c: ConfigService) => ({ group: c.get('GROUP') ?? '' }),
      },
    ]),
  ],
})
export class ConfiguredModule {}

@Injectable()
export class Settings {
  create(): RookeryModuleOptions {
    return { registry: 'etcd://127.0.0.1:2379', register: 'manual' };
  }
}

@Module({ imports: [RookeryModule.forRootAsync({ useClass: Settings })] })
export class ClassModule {}

export async function startHybrid(): Promise<void> {
  // #region hybrid
  const app = await NestFactory.create(AppModule);
  app.connectMicroservice<MicroserviceOptions>(rookeryGrpc({ service: Users }));
  app.enableShutdownHooks();
  await app.startAllMicroservices();
  await app.listen(3000);
  // #endregion
}

export async function start(): Promise<void> {
  const app = await NestFactory.create(AppModule);
  app.connectMicroservice<MicroserviceOptions>(
    rookeryGrpc({
      inject: [ConfigService],
      useFactory: (config: ConfigService) => ({
        service: Users,
        url: config.getOrThrow<string>('BIND'),
        stop: { drainMs: 5000 },
      }),
    }),
  );
  await app.startAllMicroservices();
  await app.listen(3000);
  app.get<RookeryModuleOptions>(ROOKERY_OPTIONS);
}

declare const either: RookeryGrpcOptions | RookeryGrpcFactory;

/** What a factory returns is looked at as closely as options are. */
export const servers = () => [
  rookeryGrpc(),
  rookeryGrpc(either),
  rookeryGrpc({ useFactory: () => ({}) }),
  rookeryGrpc({ useFactory: (): RookeryGrpcOptions => ({ service: Users }) }),
  rookeryGrpc({ useFactory: (a: boolean) => (a ? { url: 'h:1' } : { service: Users, register: 'never' }) }),
  // @ts-expect-error -- there is no such option
  rookeryGrpc({ inject: [], useFactory: () => ({ service: Users, dependOn: ['orders'] }) }),
  // @ts-expect-error -- Nest would take a promise for options of a TCP server
  rookeryGrpc({ useFactory: async () => ({ service: Users }) }),
];
