import { experimental, type ChannelOptions } from '@grpc/grpc-js';
import type { Balancer } from '../core/balancer.js';
import type { Connection, Endpoint } from '../core/endpoint.js';
import type { Random, Time } from '../core/time.js';
import type { Carriage } from './carrier.js';
import type { HealthCheckOption } from './health-option.js';
import type { ServerNameFunction } from './server-name.js';

/**
 * What a channel's options carry for the resolver and the policy. Both are global in grpc-js and the last registration
 * wins, so a second copy of this package may serve our channels: only this shape may be relied on.
 */
export interface ChannelHandle {
  readonly version: 1;
  readonly time: Time;
  readonly random: Random;
  readonly healthCheck?: HealthCheckOption | undefined;
  readonly serverName?: ServerNameFunction | undefined;
  /** Whether the channel's credentials are those of TLS, where that is known. */
  readonly secure?: boolean | undefined;
  /** Carries calls beside grpc-js; absent where none are. */
  readonly carriage?: Carriage | undefined;
  createBalancer(service: string, connect: (endpoint: Endpoint) => Connection): Balancer;
}

// Under this prefix a value is no part of a subchannel's identity: anything else would reconnect the fleet.
const HANDLE_KEY = `${experimental.SUBCHANNEL_ARGS_EXCLUDE_KEY_PREFIX}.rookery.handle`;
const SERVICE_KEY = `${experimental.SUBCHANNEL_ARGS_EXCLUDE_KEY_PREFIX}.rookery.service`;

export function withHandle<O extends ChannelOptions>(options: O, handle: ChannelHandle): O {
  return { ...options, [HANDLE_KEY]: handle };
}

export function handleIn(options: ChannelOptions): ChannelHandle | undefined {
  const handle = options[HANDLE_KEY] as ChannelHandle | undefined;
  return handle?.version === 1 ? handle : undefined;
}

export function serviceAttribute(service: string): Record<string, unknown> {
  return { [SERVICE_KEY]: service };
}

export function serviceIn(options: ChannelOptions): string | undefined {
  return options[SERVICE_KEY] as string | undefined;
}
