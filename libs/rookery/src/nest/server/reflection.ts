import type { Server, ServiceDefinition } from '@grpc/grpc-js';
import { service as HEALTH_SERVICE } from 'grpc-health-check';
import { RookeryError } from '../../core/errors.js';

type Reflection = typeof import('@grpc/reflection');
type Types = ConstructorParameters<Reflection['ReflectionService']>[0];

/**
 * Serves `grpc.reflection.v1` and `v1alpha`, for tools such as grpcurl.
 * @param services by full name; those without descriptors, as generators write them, cannot be shown
 * @returns the names of the services that cannot be shown
 * @throws {RookeryError} ROOKERY_PACKAGE_MISSING
 */
export async function addReflection(
  server: Server,
  services: ReadonlyMap<string, ServiceDefinition>,
): Promise<readonly string[]> {
  const { ReflectionService } = await load();
  const all = new Map(services).set('grpc.health.v1.Health', HEALTH_SERVICE as ServiceDefinition);
  const types = Object.assign({}, ...[...all].map(([name, service]) => typesOf(name, service))) as Types;
  new ReflectionService(types, { services: [...all.keys()] }).addToServer(server);
  const hidden = [...services].filter(([name, service]) => Object.keys(typesOf(name, service)).length === 0);
  return hidden.map(([name]) => name);
}

async function load(): Promise<Reflection> {
  try {
    return await import('@grpc/reflection');
  } catch (cause) {
    throw new RookeryError('ROOKERY_PACKAGE_MISSING', {
      path: 'rookeryGrpc.reflection',
      found: 'the package @grpc/reflection cannot be loaded.',
      remedy: 'Run npm install @grpc/reflection, or leave the option out.',
      cause,
    });
  }
}

/** The message types of a service; proto-loader keeps the descriptors of their files with each. */
function typesOf(name: string, service: ServiceDefinition): Record<string, unknown> {
  const types: Record<string, unknown> = {};
  for (const [rpc, method] of Object.entries(service)) {
    const { requestType, responseType } = method as { requestType?: object; responseType?: object };
    for (const [side, type] of Object.entries({ requestType, responseType }))
      if (type && 'fileDescriptorProtos' in type) types[`${name}/${rpc}/${side}`] = type;
  }
  return types;
}
