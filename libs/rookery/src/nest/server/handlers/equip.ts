import 'reflect-metadata';
import { UseInterceptors } from '@nestjs/common';
import { MetadataScanner, type ModulesContainer } from '@nestjs/core';
import type { PackageDefinition } from '@grpc/proto-loader';
import { noteExceptions } from './exception-note.js';
import { pullingInterceptor } from './pulling.interceptor.js';
import type { MethodDefinition } from './grpc-method.js';
import { fillUnpipedParamsOfNest } from './unpiped-params.js';

const PATTERN_METADATA = 'microservices:pattern';
const scanner = new MetadataScanner();

/**
 * Brings into Nest what `grpcMethod` needs from inside it: the note of exceptions, and, before Nest reads the metadata of
 * the handlers, an interceptor for methods that stream their answers. Both do nothing in calls of other servers, and are
 * added once.
 */
export function equipHandlers(modules: ModulesContainer, definition: PackageDefinition): void {
  noteExceptions();
  // Handlers are bound later, when the application starts.
  void fillUnpipedParamsOfNest();
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
    if (!served.some(({ responseStream }) => responseStream) || pulling.has(handler)) continue;
    pulling.add(handler);
    // The last one of a method stands next to it.
    UseInterceptors(pullingInterceptor)(prototype, name, { value: handler });
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

const pulling = new WeakSet<Function>();
