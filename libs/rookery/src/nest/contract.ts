import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { loadSync, type PackageDefinition } from '@grpc/proto-loader';
import { messageOf, RookeryError } from '../core/errors.js';
import type { ServiceRef } from './service-ref.js';

/** A contract that was read: what Nest's gRPC server and client take. */
export interface Contract {
  /** Proto packages as they were named; `''` where a service has none. A server serves what is nested in them, too. */
  readonly packages: readonly string[];
  /** The packages that its services stand in directly: Nest's client looks no deeper. */
  readonly servicePackages: readonly string[];
  readonly definition: PackageDefinition;
  /** Short names of its gRPC services, such as `UserService`. */
  readonly serviceNames: readonly string[];
}

type ContractSource = Pick<ServiceRef, 'services' | 'package' | 'protoPath' | 'loader'>;

const read = new WeakMap<ContractSource, Contract>();

/**
 * Reads a contract, once for each reference.
 * @returns nothing where the source holds none
 * @throws {RookeryError} ROOKERY_PROTO_UNREADABLE, ROOKERY_CONTRACT_INVALID
 */
export function readContract(source: ContractSource, path: string): Contract | undefined {
  let contract = read.get(source);
  if (!contract) {
    if (source.services) contract = fromDefinitions(source.services);
    else if (source.protoPath !== undefined && source.package !== undefined) contract = fromProto(source, path);
    else return undefined;
    read.set(source, contract);
  }
  return contract;
}

/** The same gRPC services with the same methods, whatever they were read from. */
export function sameContract(a: Contract, b: Contract): boolean {
  return a === b || outline(a).join() === outline(b).join();
}

/** A line for each method of its packages. */
function outline(contract: Contract): string[] {
  return [...servicesOf(contract).values()].flatMap((service) => Object.values(service).map(methodOutline)).toSorted();
}

/** Whether a contract has the gRPC method of a handler, whose service may be named in full or below its package. */
export function hasMethod(
  { definition, packages }: Contract,
  { service, rpc }: { readonly service: string; readonly rpc: string },
): boolean {
  return ['', ...packages].some((name) => {
    const entry = definition[name === '' ? service : `${name}.${service}`];
    if (entry === undefined || !isService(entry)) return false;
    return (
      Object.hasOwn(entry, rpc) ||
      Object.values(entry as ServiceDefinition).some(({ originalName }) => originalName === rpc)
    );
  });
}

/** The methods of a contract, as error messages name them: `UserService/GetById`. */
export function methodNames(contract: Contract): string[] {
  return [...servicesOf(contract)].flatMap(([name, service]) =>
    Object.keys(service).map((rpc) => `${shortNameOf(name)}/${rpc}`),
  );
}

/** The gRPC services of its packages, by full name. */
export function servicesOf({ definition, packages }: Contract): ReadonlyMap<string, ServiceDefinition> {
  const entries = Object.entries(definition).filter(
    ([name, entry]) => isService(entry) && packages.some((one) => inPackage(name, one)),
  );
  return new Map(entries as [string, ServiceDefinition][]);
}

function methodOutline({ path, requestStream, responseStream }: ServiceDefinition[string]): string {
  return `${path} ${requestStream} ${responseStream}`;
}

export function mergeContracts(contracts: readonly Contract[]): Contract {
  return {
    packages: [...new Set(contracts.flatMap(({ packages }) => packages))],
    servicePackages: [...new Set(contracts.flatMap(({ servicePackages }) => servicePackages))],
    definition: Object.assign({}, ...contracts.map(({ definition }) => definition)) as PackageDefinition,
    serviceNames: [...new Set(contracts.flatMap(({ serviceNames }) => serviceNames))],
  };
}

function fromDefinitions(services: NonNullable<ContractSource['services']>): Contract {
  const definition: Record<string, ServiceDefinition> = {};
  for (const service of Object.values(services)) definition[fullNameOf(service)] = byRpcName(service);
  const names = Object.keys(definition);
  const packages = [...new Set(names.map(packageOf))];
  return {
    packages,
    servicePackages: packages,
    definition: definition as PackageDefinition,
    serviceNames: names.map(shortNameOf),
  };
}

/** Nest looks handlers up by the name of the rpc; generators may write the keys in camel case. */
function byRpcName(service: ServiceDefinition): ServiceDefinition {
  const entries = Object.entries(service).map(([key, method]) => [
    method.path.split('/')[2],
    { ...method, originalName: method.originalName ?? key },
  ]);
  return Object.fromEntries(entries) as ServiceDefinition;
}

function fromProto({ package: packages, protoPath, loader }: ContractSource, path: string): Contract {
  const files = [protoPath!].flat() as string[];
  const definition = loadProto(files, loader, path);
  const wanted = [packages!].flat() as string[];
  const services = Object.keys(definition).filter((name) => isService(definition[name]));
  for (const name of wanted) {
    if (services.some((service) => inPackage(service, name))) continue;
    throw new RookeryError('ROOKERY_CONTRACT_INVALID', {
      path: `${path}.package`,
      found: `package ${JSON.stringify(name)} has no service in ${files.join(', ')}; services there: ${services.join(', ') || 'none'}.`,
      remedy: 'Use the name behind `package` in the .proto file.',
    });
  }
  const served = services.filter((service) => wanted.some((name) => inPackage(service, name)));
  return {
    packages: wanted,
    servicePackages: [...new Set(served.map(packageOf))],
    definition,
    serviceNames: served.map(shortNameOf),
  };
}

function loadProto(files: string[], loader: ContractSource['loader'], path: string): PackageDefinition {
  const searched = (file: string) => [file, ...(loader?.includeDirs ?? []).map((dir) => `${dir}/${file}`)];
  const missing = files.find((file) => !searched(file).some((candidate) => existsSync(candidate)));
  if (missing !== undefined) {
    throw new RookeryError('ROOKERY_PROTO_UNREADABLE', {
      path: `${path}.protoPath`,
      found: `${resolve(missing)} does not exist.`,
      remedy:
        "Check the path, and that the build copies .proto files to its output (nest-cli.json: assets: ['**/*.proto']).",
    });
  }
  try {
    return loadSync(files, loader);
  } catch (cause) {
    throw new RookeryError('ROOKERY_PROTO_UNREADABLE', {
      path: `${path}.protoPath`,
      found: `${files.join(', ')}: ${messageOf(cause)}.`,
      remedy: 'Correct the .proto file, or name the folders of its imports in loader.includeDirs.',
      cause,
    });
  }
}

function isService(entry: PackageDefinition[string] | undefined): boolean {
  return entry !== undefined && !('format' in entry);
}

function inPackage(service: string, packageName: string): boolean {
  return packageName === '' || service.startsWith(`${packageName}.`);
}

function fullNameOf(service: ServiceDefinition): string {
  return Object.values(service)[0]!.path.split('/')[1]!;
}

function packageOf(fullName: string): string {
  return fullName.includes('.') ? fullName.slice(0, fullName.lastIndexOf('.')) : '';
}

function shortNameOf(fullName: string): string {
  return fullName.slice(fullName.lastIndexOf('.') + 1);
}
