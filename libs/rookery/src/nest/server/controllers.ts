import { MetadataScanner, type ModulesContainer } from '@nestjs/core';
import { RookeryError } from '../../core/errors.js';
import { registrationOf, type ServiceRegistration } from './register-service.decorator.js';

/** A gRPC handler as Nest's decorators describe it. */
export interface GrpcPattern {
  /** Short or full name of the gRPC service. */
  readonly service: string;
  readonly rpc: string;
}

/** A controller that `@RegisterService` decorates. */
export interface DecoratedController {
  readonly name: string;
  readonly registration: ServiceRegistration;
  readonly handlers: readonly GrpcPattern[];
}

const PATTERN_METADATA = 'microservices:pattern';
const scanner = new MetadataScanner();

/**
 * The decorated controllers of an application.
 * @throws {RookeryError} ROOKERY_CONTROLLER_EMPTY
 */
export function findControllers(modules: ModulesContainer): DecoratedController[] {
  const found = new Map<object, DecoratedController>();
  for (const module of modules.values()) {
    for (const { metatype } of module.controllers.values()) {
      const registration = metatype && registrationOf(metatype);
      if (!metatype || !registration || found.has(metatype)) continue;
      found.set(metatype, { name: metatype.name, registration, handlers: handlersOf(metatype as Type) });
    }
  }
  return [...found.values()];
}

/** Controllers with gRPC handlers that nobody decorated, by name. */
export function undecorated(modules: ModulesContainer): string[] {
  const types = [...modules.values()].flatMap(({ controllers }) =>
    [...controllers.values()].map(({ metatype }) => metatype),
  );
  const found = types.filter((type) => type && !registrationOf(type) && patternsOf(type as Type).length > 0);
  return [...new Set(found.map((type) => (type as Type).name))];
}

type Type = { readonly name: string; readonly prototype: object };

function patternsOf(type: Type): GrpcPattern[] {
  const methods = scanner
    .getAllMethodNames(type.prototype)
    .map((name) => (type.prototype as Record<string, object>)[name]!);
  const patterns = methods.flatMap((method) => (Reflect.getMetadata(PATTERN_METADATA, method) ?? []) as unknown[]);
  return patterns.filter((pattern) => typeof (pattern as Partial<GrpcPattern>)?.rpc === 'string') as GrpcPattern[];
}

function handlersOf(type: Type): GrpcPattern[] {
  const handlers = patternsOf(type);
  if (handlers.length > 0) return handlers;
  throw new RookeryError('ROOKERY_CONTROLLER_EMPTY', {
    path: `@RegisterService on ${type.name}`,
    found: 'the class has no gRPC handler.',
    remedy: 'Decorate its methods with @GrpcMethod, @GrpcStreamMethod or @GrpcStreamCall, or remove @RegisterService.',
  });
}
