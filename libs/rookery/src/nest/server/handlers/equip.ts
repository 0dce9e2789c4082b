import 'reflect-metadata';
import { UseFilters, UseInterceptors } from '@nestjs/common';
import { MetadataScanner, type ModulesContainer } from '@nestjs/core';
import type { PackageDefinition } from '@grpc/proto-loader';
import { exceptionNote } from './exception-note.js';
import { pullingInterceptor } from './pulling.interceptor.js';
import type { MethodDefinition } from './grpc-method.js';

const PATTERN_METADATA = 'microservices:pattern';
const scanner = new MetadataScanner();

/**
 * Adds to the gRPC handlers of an application what `grpcMethod` needs to hear from inside Nest, before Nest reads their
 * metadata: an exception note, and where the method streams its answers, an interceptor. Both do nothing in calls of other
 * servers, and are added once.
 */
export function equipHandlers(modules: ModulesContainer, definition: PackageDefinition): void {
  const methods = Object.values(definition).flatMap((entry) =>
    'format' in entry ? [] : (Object.values(entry) as unknown as MethodDefinition[]),
  );
  for (const { controllers } of modules.values())
    for (const { metatype } of controllers.values())
      if (metatype) equipController(metatype.prototype as Record<string, Function>, methods);
}

function equipController(prototype: Record<string, Function>, methods: readonly MethodDefinition[]): void {
  for (const name of scanner.getAllMethodNames(prototype)) {
    const handler = prototype[name]!;
    const served = methods.filter((method) => patternsOf(handler).some((pattern) => isFor(pattern, method)));
    if (served.length > 0) once(noted, handler, () => UseFilters(exceptionNote)(prototype, name, { value: handler }));
    // The last one of a method stands next to it.
    if (served.some(({ responseStream }) => responseStream))
      once(pulling, handler, () => UseInterceptors(pullingInterceptor)(prototype, name, { value: handler }));
  }
}

interface Pattern {
  /** Short or full name of the gRPC service. */
  readonly service?: unknown;
  readonly rpc?: unknown;
}

function patternsOf(handler: Function): readonly Pattern[] {
  return (Reflect.getMetadata(PATTERN_METADATA, handler) ?? []) as readonly Pattern[];
}

function isFor(pattern: Pattern, { path }: MethodDefinition): boolean {
  const [, service = '', rpc] = path.split('/');
  return pattern.rpc === rpc && (service === pattern.service || service.endsWith(`.${String(pattern.service)}`));
}

const noted = new WeakSet<Function>();
const pulling = new WeakSet<Function>();

function once(done: WeakSet<Function>, handler: Function, equip: () => void): void {
  if (done.has(handler)) return;
  done.add(handler);
  equip();
}
