import { RookeryError, show } from '../core/errors.js';
import { POLICY_NAME } from './load-balancer.js';

/** The part of a service config (gRFC A21) that matters here. */
export interface ServiceConfig {
  readonly methodConfig?: readonly { readonly retryPolicy?: unknown; readonly hedgingPolicy?: unknown }[];
}

/**
 * The user's own.
 * @throws {RookeryError} ROOKERY_OPTION_INVALID
 */
export function readServiceConfig(own: string | undefined): ServiceConfig {
  try {
    return own === undefined ? {} : (JSON.parse(own) as ServiceConfig);
  } catch (cause) {
    throw new RookeryError('ROOKERY_OPTION_INVALID', {
      path: "channelOptions['grpc.service_config']",
      found: `found ${show(own)}.`,
      remedy: 'Use a JSON text.',
      cause,
    });
  }
}

/** Whether it says itself what is sent again. */
export function retriesItself({ methodConfig }: ServiceConfig): boolean {
  if (!Array.isArray(methodConfig)) return false;
  return (methodConfig as ServiceConfig['methodConfig'])!.some((method) => method.retryPolicy || method.hedgingPolicy);
}

/**
 * grpc-js counts attempts, waits between them and keeps the messages; which calls are sent again at all is decided where
 * each attempt ends.
 */
const RETRY_POLICY = {
  initialBackoff: '0.01s',
  maxBackoff: '0.1s',
  backoffMultiplier: 3,
  retryableStatusCodes: ['UNAVAILABLE'],
};

/** The user's config with our policy, and a retry policy for all methods. */
export function withPolicies(config: ServiceConfig, maxAttempts: number): object {
  const { methodConfig = [] } = config;
  const retrying = { name: [{}], retryPolicy: { ...RETRY_POLICY, maxAttempts } };
  return {
    ...config,
    loadBalancingConfig: [{ [POLICY_NAME]: {} }],
    // A policy of one attempt is none.
    ...(maxAttempts > 1 && { methodConfig: [...methodConfig, retrying] }),
  };
}
