import { Inject } from '@nestjs/common';
import { nameOf, type ServiceRef } from './service-ref.js';

/** The resolved options of `RookeryModule.forRoot`. */
export const ROOKERY_OPTIONS = Symbol.for('rookery/options');

/** The token of an injected client: its name, as in Nest's ClientsModule. */
export function getClientToken(client: ServiceRef | string): string {
  return nameOf(client);
}

/** The token of one gRPC service of a client. */
export function getServiceToken(client: ServiceRef | string, grpcService: string): string {
  return `${nameOf(client)}/${grpcService}`;
}

/** Injects the `RookeryClient` that `forFeature` made under this name. */
export function InjectClient(client: ServiceRef | string): ParameterDecorator & PropertyDecorator {
  return Inject(getClientToken(client));
}

/** Injects one gRPC service of a client as an `AsyncClient`: Promises and AsyncIterables. */
export function InjectService<S>(
  client: ServiceRef<S> | string,
  grpcService: keyof S & string,
): ParameterDecorator & PropertyDecorator {
  return Inject(getServiceToken(client, grpcService));
}
