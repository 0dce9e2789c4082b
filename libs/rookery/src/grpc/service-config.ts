import { RookeryError, show } from '../core/errors.js';
import { POLICY_NAME } from './load-balancer.js';

/** The part of a service config (gRFC A21) that matters here. */
export interface ServiceConfig {
  readonly methodConfig?: readonly MethodConfig[];
}

interface MethodConfig {
  /** Of services and methods; `{}` is every method. */
  readonly name: readonly { readonly service?: unknown }[];
  readonly retryPolicy?: unknown;
  readonly hedgingPolicy?: unknown;
}

/**
 * The user's own. The rest of it is looked at by grpc-js.
 * @throws {RookeryError} ROOKERY_OPTION_INVALID
 */
export function readServiceConfig(own: string | undefined): ServiceConfig {
  if (own === undefined) return {};
  let cause: unknown;
  try {
    const config = JSON.parse(own) as unknown;
    if (isServiceConfig(config)) return config;
  } catch (error) {
    cause = error;
  }
  throw new RookeryError('ROOKERY_OPTION_INVALID', {
    path: "channelOptions['grpc.service_config']",
    found: `found ${show(own)}.`,
    remedy:
      'Use the JSON text of an object; its `methodConfig`, if any, is a list of objects with a list `name` of objects.',
    ...(cause !== undefined && { cause }),
  });
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function isServiceConfig(config: unknown): config is ServiceConfig {
  if (!isObject(config)) return false;
  if (!('methodConfig' in config)) return true;
  const { methodConfig } = config;
  return Array.isArray(methodConfig) && methodConfig.every(isMethodConfig);
}

const isMethodConfig = (method: unknown): method is MethodConfig =>
  isObject(method) && 'name' in method && Array.isArray(method.name) && method.name.every(isObject);

/** Whether it says itself what is sent again. */
export function retriesItself({ methodConfig = [] }: ServiceConfig): boolean {
  return methodConfig.some((method) => method.retryPolicy || method.hedgingPolicy);
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
  return {
    ...config,
    loadBalancingConfig: [{ [POLICY_NAME]: {} }],
    // A policy of one attempt is none.
    ...(maxAttempts > 1 && { methodConfig: retrying(config.methodConfig ?? [], maxAttempts) }),
  };
}

/** A method has the one entry that names it best: the policy stands in each, and in one for all methods. */
function retrying(methods: readonly MethodConfig[], maxAttempts: number): readonly object[] {
  const retryPolicy = { ...RETRY_POLICY, maxAttempts };
  // One that is null is none, and grpc-js takes only one of the two.
  const own = methods.map((method) => ({ ...method, retryPolicy, hedgingPolicy: undefined }));
  // It takes no name twice either.
  const named = methods.some(({ name }) => name.some(({ service }) => (service ?? '') === ''));
  return named ? own : [...own, { name: [{}], retryPolicy }];
}
