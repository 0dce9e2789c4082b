import type { ServiceDefinition } from '@grpc/grpc-js';
import type { Options as LoaderOptions } from '@grpc/proto-loader';
import { fileURLToPath } from 'node:url';
import { RookeryError, show } from '../core/errors.js';
import { checkName } from '../core/instance.js';
import { checkKeys } from '../core/keys.js';

/** A gRPC service as ts-proto writes it with `outputServices=grpc-js`, or as grpc-js itself defines it. */
export type GrpcDefinition = ServiceDefinition;

export interface ProtoContract {
  /** The proto package, or several. */
  readonly package: string | readonly string[];
  readonly protoPath: string | URL | readonly (string | URL)[];
  /** Options of @grpc/proto-loader. */
  readonly loader?: LoaderOptions;
}

const DEFINE_KEYS = { name: true, services: true, package: true, protoPath: true, loader: true } as const;

/** The contract of one service: written once, taken by servers, clients, decorators, tokens and tests. */
export interface ServiceRef<S = unknown> {
  /** What clients dial. */
  readonly name: string;
  readonly services?: Readonly<Record<string, GrpcDefinition>>;
  readonly package?: string | readonly string[];
  /** Absolute, or relative to the working directory. */
  readonly protoPath?: string | readonly string[];
  readonly loader?: LoaderOptions;
  /** Only a type: the gRPC services by name. */
  readonly types?: S;
}

/**
 * Names a service and its contract.
 * @throws {RookeryError} ROOKERY_NAME_INVALID, ROOKERY_OPTION_INVALID, ROOKERY_CONTRACT_MISSING, ROOKERY_CONTRACT_INVALID
 */
export function defineService<const D extends Readonly<Record<string, GrpcDefinition>>>(options: {
  readonly name: string;
  readonly services: D;
}): ServiceRef<D>;
export function defineService<S extends object = Record<string, object>>(
  options: { readonly name: string } & ProtoContract,
): ServiceRef<S>;
export function defineService(
  options: { name: string; services?: Record<string, GrpcDefinition> } & Partial<ProtoContract>,
): ServiceRef {
  const path = `defineService(${show(options.name)})`;
  const { services, package: packages, protoPath, loader } = options;
  checkName(options.name, `${path}.name`);
  checkKeys(options, DEFINE_KEYS, path);
  if (services) {
    checkDefinitions(services, `${path}.services`);
    return Object.freeze({ name: options.name, services });
  }
  if (packages === undefined || protoPath === undefined) {
    throw new RookeryError('ROOKERY_CONTRACT_MISSING', {
      path,
      found: 'found neither `services` nor both of `package` and `protoPath`.',
      remedy: 'Give the definitions that your generator wrote, or a package and its .proto file.',
    });
  }
  return Object.freeze({
    name: options.name,
    package: packages,
    protoPath: protoPaths(protoPath),
    ...(loader && { loader }),
  });
}

export function protoPaths(protoPath: ProtoContract['protoPath']): string | readonly string[] {
  const text = (path: string | URL) => (path instanceof URL ? fileURLToPath(path) : path);
  return typeof protoPath === 'string' || protoPath instanceof URL ? text(protoPath) : protoPath.map(text);
}

function checkDefinitions(services: Record<string, GrpcDefinition>, path: string): void {
  if (Object.keys(services).length === 0) {
    throw new RookeryError('ROOKERY_CONTRACT_INVALID', {
      path,
      found: 'found no gRPC service.',
      remedy: 'Name at least one definition, as in services: { UserService: UserServiceService }.',
    });
  }
  for (const [name, definition] of Object.entries(services)) {
    const methods = Object.values((definition ?? {}) as object) as Partial<GrpcDefinition[string]>[];
    const valid =
      methods.length > 0 &&
      methods.every((m) => typeof m?.path === 'string' && typeof m.requestSerialize === 'function');
    if (valid) continue;
    throw new RookeryError('ROOKERY_CONTRACT_INVALID', {
      path: `${path}.${name}`,
      found: `found ${show(definition)} that is no grpc-js service definition.`,
      remedy:
        'Pass what ts-proto writes with outputServices=grpc-js (UserServiceService), or use package and protoPath.',
    });
  }
}

/** It names a service and holds a contract, as what `defineService` returns. */
export function isServiceRef(value: object): value is ServiceRef {
  return 'services' in value || 'protoPath' in value;
}

/** The name of a service that is given as a name or as a reference. */
export function nameOf(service: ServiceRef | string): string {
  return typeof service === 'string' ? service : service?.name;
}
