import { ServerCredentials } from '@grpc/grpc-js';
import type { InjectionToken } from '@nestjs/common';
import { ModuleRef, ModulesContainer } from '@nestjs/core';
import type { AsyncMicroserviceOptions, CustomStrategy } from '@nestjs/microservices';
import { RookeryError, show } from '../../core/errors.js';
import { checkInstanceOptions, checkName } from '../../core/instance.js';
import { checkKeys } from '../../core/keys.js';
import { checkLaneList } from '../../grpc/lane.js';
import { checkRegisterMode } from '../environment.js';
import { checkMs } from '../../core/duration.js';
import { checkMux } from '../mux-options.js';
import { checkCompat, type HealthOptions, type RookeryGrpcOptions } from '../options.js';
import { HEALTH_KEYS, INSTANCE_KEYS, LANE_KEYS, SERVER_KEYS, STOP_KEYS } from '../option-keys.js';
import { ServerFactory } from './server-factory.js';
import { isServiceRef, nameOf, type ServiceRef } from '../service-ref.js';

/** Makes the options with dependencies of the application. */
export interface RookeryGrpcFactory<O extends RookeryGrpcOptions = RookeryGrpcOptions> {
  readonly inject?: readonly InjectionToken[];
  /** Synchronous: Nest would take a promise for options of a TCP server. */
  readonly useFactory: (...dependencies: any[]) => O & { readonly then?: never } & NoOthers<O>;
}

/** The compiler does not look for options that are too much in what a function returns, unless it is told to. */
type NoOthers<O> = { readonly [K in Exclude<keyof O, keyof RookeryGrpcOptions>]: never };

/**
 * A gRPC server that registers what `@RegisterService` decorates. For `NestFactory.createMicroservice()` and
 * `app.connectMicroservice()` alike.
 * @throws {RookeryError} when the server is made: ROOKERY_MODULE_MISSING, ROOKERY_OPTIONS_ASYNC, and the code of the
 * first option that is wrong
 */
export function rookeryGrpc<O extends RookeryGrpcOptions>(
  options: RookeryGrpcOptions | RookeryGrpcFactory<O> = {},
): CustomStrategy & AsyncMicroserviceOptions {
  const factory = 'useFactory' in options ? options : undefined;
  const inject = [ModuleRef, ...(factory?.inject ?? [])];
  const useFactory = (moduleRef: ModuleRef, ...dependencies: unknown[]): CustomStrategy => {
    const settings = factory ? factory.useFactory(...dependencies) : (options as RookeryGrpcOptions);
    if (isPromise(settings)) {
      settings.then(undefined, () => undefined);
      throw asynchronous();
    }
    const strategy = serversOf(moduleRef).create(checkOptions(settings ?? {}));
    strategy.equip(moduleRef.get(ModulesContainer, { strict: false }));
    return { strategy };
  };
  // Nest asks for `useFactory` first, in both modes; its types ask for one of the two.
  return { inject, useFactory } as AsyncMicroserviceOptions as CustomStrategy & AsyncMicroserviceOptions;
}

function serversOf(moduleRef: ModuleRef): ServerFactory {
  try {
    return moduleRef.get(ServerFactory, { strict: false });
  } catch {
    throw new RookeryError('ROOKERY_MODULE_MISSING', {
      path: 'rookeryGrpc',
      found: 'the application imports no RookeryModule.forRoot().',
      remedy: 'Add RookeryModule.forRoot({ registry }) to the imports of the root module.',
    });
  }
}

function checkOptions(options: RookeryGrpcOptions): RookeryGrpcOptions {
  if ('options' in options) throw nested();
  checkKeys(options, SERVER_KEYS, 'rookeryGrpc');
  if (options.instance) checkKeys(options.instance, INSTANCE_KEYS, 'rookeryGrpc.instance');
  if (options.stop) checkKeys(options.stop, STOP_KEYS, 'rookeryGrpc.stop');
  if (options.service !== undefined) checkService(options.service);
  if (options.instance) checkInstanceOptions(options.instance, 'rookeryGrpc.instance');
  if (options.register !== undefined) checkRegisterMode(options.register, 'rookeryGrpc.register');
  if (options.stop?.drainMs !== undefined) checkMs(options.stop.drainMs, 'rookeryGrpc.stop.drainMs');
  if (options.stop?.streamMs !== undefined) checkMs(options.stop.streamMs, 'rookeryGrpc.stop.streamMs');
  if (options.dependsOn !== undefined) checkDependencies(options.dependsOn);
  if (options.requireRegistry !== undefined) checkRequired(options);
  if (options.health !== undefined) checkHealth(options.health);
  if (options.reflection !== undefined) checkBoolean(options.reflection, 'rookeryGrpc.reflection');
  if (options.lanes !== undefined) checkLanes(options.lanes);
  if (options.mux !== undefined) checkMux(options.mux, 'rookeryGrpc.mux');
  if (options.compat !== undefined) checkCompat(options.compat, 'rookeryGrpc.compat');
  if (options.registerWaitMs !== undefined) checkMs(options.registerWaitMs, 'rookeryGrpc.registerWaitMs');
  if (options.registerTimeoutMs !== undefined) checkMs(options.registerTimeoutMs, 'rookeryGrpc.registerTimeoutMs');
  if (options.credentials !== undefined && !((options.credentials as unknown) instanceof ServerCredentials))
    throw otherGrpc();
  return options;
}

/** A name, or what `defineService` returned: anything else would be a contract that is forgotten in silence. */
function checkService(service: unknown): void {
  if (typeof service !== 'object' || service === null) checkName(service, 'rookeryGrpc.service');
  else if (!isServiceRef(service))
    throw wrong('rookeryGrpc.service', service, 'Pass a name, or what defineService() returned.');
}

function checkDependencies(dependsOn: unknown): void {
  if (!Array.isArray(dependsOn))
    throw wrong('rookeryGrpc.dependsOn', dependsOn, "Use a list: dependsOn: ['order-server'].");
  dependsOn.forEach((service: ServiceRef | string, i) => checkName(nameOf(service), `rookeryGrpc.dependsOn[${i}]`));
}

function checkRequired({ requireRegistry, dependsOn = [] }: RookeryGrpcOptions): void {
  checkBoolean(requireRegistry, 'rookeryGrpc.requireRegistry');
  if (!requireRegistry || dependsOn.length === 0) return;
  throw new RookeryError('ROOKERY_OPTION_INVALID', {
    path: 'rookeryGrpc.requireRegistry',
    found:
      'it would have listen() wait for the registration, and that waits for `dependsOn`, for which listen() never waits.',
    remedy: 'Leave one of the two out; Rookery.registered(signal), after listen(), waits for both.',
  });
}

function checkHealth(health: unknown): void {
  if (typeof health !== 'object' || health === null) return checkBoolean(health, 'rookeryGrpc.health');
  checkKeys(health, HEALTH_KEYS, 'rookeryGrpc.health');
  const { check, intervalMs } = health as HealthOptions;
  if (check !== undefined && typeof check !== 'function')
    throw wrong(
      'rookeryGrpc.health.check',
      check,
      'Use a function that throws, or returns false, where the server is not healthy.',
    );
  if (intervalMs !== undefined && checkMs(intervalMs, 'rookeryGrpc.health.intervalMs') === 0)
    throw wrong('rookeryGrpc.health.intervalMs', intervalMs, 'Use at least 1.');
}

function checkLanes(lanes: unknown): void {
  if (lanes === 'ignore') return;
  if (typeof lanes !== 'object' || lanes === null || Array.isArray(lanes))
    throw wrong('rookeryGrpc.lanes', lanes, "Use 'ignore', or { accept: ['canary'] }.");
  checkKeys(lanes, LANE_KEYS, 'rookeryGrpc.lanes');
  const { accept } = lanes as { readonly accept?: unknown };
  checkLaneList(accept, 'rookeryGrpc.lanes.accept');
}

function checkBoolean(value: unknown, path: string): void {
  if (typeof value !== 'boolean') throw wrong(path, value, 'Use true or false.');
}

function wrong(path: string, value: unknown, remedy: string): RookeryError {
  return new RookeryError('ROOKERY_OPTION_INVALID', { path, found: `found ${show(value)}.`, remedy });
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as Partial<PromiseLike<unknown>> | undefined)?.then === 'function';
}

/** Who comes from `{ transport: Transport.GRPC, options: { … } }`. */
function nested(): RookeryError {
  return new RookeryError('ROOKERY_OPTION_INVALID', {
    path: 'rookeryGrpc.options',
    found: "found Nest's options of a transport.",
    remedy: 'Write them without the nesting: rookeryGrpc({ url, package, protoPath, … }).',
  });
}

function otherGrpc(): RookeryError {
  return new RookeryError('ROOKERY_GRPC_DUPLICATE', {
    path: 'rookeryGrpc.credentials',
    found: 'the credentials were made by another copy of @grpc/grpc-js than the one that Rookery uses, or are none.',
    remedy: 'Keep one copy: run `npm ls @grpc/grpc-js`, align the versions, and run `npm dedupe`.',
  });
}

function asynchronous(): RookeryError {
  return new RookeryError('ROOKERY_OPTIONS_ASYNC', {
    path: 'rookeryGrpc.useFactory',
    found: 'the factory returned a promise.',
    remedy: 'Return the options themselves; await what they need in an async provider, and name that in `inject`.',
  });
}
