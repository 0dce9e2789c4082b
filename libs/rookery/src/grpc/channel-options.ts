import type { ChannelOptions, ClientOptions } from '@grpc/grpc-js';
import { createBalancer, type BalancerOptions } from '../core/balancer.js';
import { BALANCING_KEYS, checkBalancing, type BalancingOptions } from '../core/balancing-options.js';
import type { Directory } from '../core/directory.js';
import { guardedSink, type EventSink } from '../core/event.js';
import { checkKeys, type KeysOf } from '../core/keys.js';
import type { HashKeySource } from '../core/picker.js';
import { attemptsOf } from '../core/retry.js';
import { checkGroups } from '../core/route.js';
import type { Random, Time } from '../core/time.js';
import { systemRandom } from '../system/random.js';
import { systemTime } from '../system/time.js';
import type { Carriage } from './carrier.js';
import { CallCapture } from './capture.js';
import { capturing } from './capturing.js';
import { withHandle } from './handle.js';
import { checkHealthCheck, type HealthCheckOption } from './health-option.js';
import { install } from './install.js';
import { checkTls, type TlsOptions } from './server-name.js';
import { readServiceConfig, retriesItself, withPolicies } from './service-config.js';

/** The deadline of unary calls that name none, ms. */
export const DEFAULT_TIMEOUT_MS = 5000;

export interface DiscoveryChannelOptions extends BalancingOptions {
  /** Groups of the calls that name none, in order of preference. */
  readonly group?: string | readonly string[];
  /** Deadline of unary calls that name none, ms; default 5000, 0 = none. */
  readonly timeoutMs?: number;
  readonly waitForReady?: boolean;
  /** What `explain` calls the client; default nothing. */
  readonly name?: string;
  /** Paths (`/package.Service/Method`) of methods whose calls are idempotent without saying so; default none. */
  readonly idempotentMethods?: ReadonlySet<string>;
  /**
   * Whether to watch `grpc.health.v1.Health` at each instance, on the connection that its calls take (gRFC A17): one that
   * does not say SERVING gets no call until it does, and keeps its connection. `true` asks about the service's name, and
   * servers that are not ours about themselves (`''`); a text is what to ask about. A server without a health service
   * counts as healthy. The watch is an open stream: it holds the process until the client is closed. Default false.
   */
  readonly healthCheck?: HealthCheckOption;
  readonly tls?: TlsOptions;
  /** Whether the client's credentials are those of TLS: says more where they do not fit a server. Default not known. */
  readonly secure?: boolean;
  /** grpc-js's own options; they win over ours, except for the policy's name. */
  readonly channelOptions?: ClientOptions | undefined;
  readonly emit?: EventSink;
  readonly time?: Time;
  readonly random?: Random;
}

const KEYS: KeysOf<DiscoveryChannelOptions> = {
  ...BALANCING_KEYS,
  group: true,
  timeoutMs: true,
  waitForReady: true,
  name: true,
  idempotentMethods: true,
  healthCheck: true,
  tls: true,
  secure: true,
  channelOptions: true,
  emit: true,
  time: true,
  random: true,
};

const DEFAULTS: ChannelOptions = {
  // An http_proxy variable would turn our target into that of the proxy.
  'grpc.enable_http_proxy': 0,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 5000,
  // A channel that goes idle forgets its endpoints, and its next call pays for it.
  'grpc.client_idle_timeout_ms': 2_147_483_647,
  'grpc.service_config_disable_resolution': 1,
};

/**
 * The options of a grpc-js client that finds its service in `directory`:
 * `new UserClient('discovery:///user-server', credentials, channelOptions(directory))`.
 * @throws {RookeryError} ROOKERY_NAME_INVALID, ROOKERY_OPTION_INVALID
 */
export function channelOptions(directory: Directory, options: DiscoveryChannelOptions = {}): ClientOptions {
  return discoveryChannel(directory, options).options;
}

/** The options of a client, and how it captures its calls. */
export interface ClientChannel {
  readonly options: ClientOptions;
  readonly capture: CallCapture;
}

/**
 * As `channelOptions`.
 * @param carriage carries calls of the channel beside grpc-js
 */
export function discoveryChannel(
  directory: Directory,
  options: DiscoveryChannelOptions,
  carriage?: Carriage,
): ClientChannel {
  install();
  checkKeys(options, KEYS, 'channelOptions');
  const balancing = checkBalancing(options, 'channelOptions');
  const { time = systemTime, random = systemRandom, healthCheck, secure } = options;
  const emit = options.emit ? guardedSink(options.emit) : directory.registry.events.emit;
  if (healthCheck !== undefined) checkHealthCheck(healthCheck, 'channelOptions.healthCheck');
  const { serverName } = checkTls(options.tls ?? {}, 'channelOptions.tls');
  const { options: direct, capture } = directChannel(options, {
    hashKey: balancing.picker?.hashKey,
    registry: directory.registry.name,
  });
  const config = readServiceConfig(direct['grpc.service_config']);
  const retry = retriesItself(config) ? 'own' : balancing.retry;
  const groups = groupsOf(options);
  const handle = {
    version: 1 as const,
    time,
    random,
    healthCheck,
    ...(typeof serverName === 'function' && { serverName }),
    secure,
    carriage,
    createBalancer: (service: string, connect: BalancerOptions['connect']) =>
      createBalancer({
        ...balancing,
        retry,
        groups,
        name: options.name,
        service,
        directory,
        connect,
        time,
        random,
        emit,
      }),
  };
  const attempts = retry === 'own' ? 1 : attemptsOf(retry);
  const policies = JSON.stringify(withPolicies(config, attempts));
  return { options: withHandle({ ...direct, 'grpc.service_config': policies }, handle), capture };
}

/** What calls of a client with discovery need beside. */
interface Discovery {
  /** Where every call needs a key. */
  readonly hashKey?: HashKeySource | undefined;
  /** The registry's URL without secrets. */
  readonly registry?: string;
}

/**
 * The options of a client with any other target: the same defaults and per-call options, without discovery.
 * @param discovery what calls meet where there is discovery
 * @throws {RookeryError} ROOKERY_NAME_INVALID, ROOKERY_OPTION_INVALID
 */
export function directChannel(options: DiscoveryChannelOptions, discovery: Discovery = {}): ClientChannel {
  const { time = systemTime, channelOptions: own = {}, timeoutMs = DEFAULT_TIMEOUT_MS, waitForReady } = options;
  const groups = groupsOf(options);
  const { serverName } = checkTls(options.tls ?? {}, 'channelOptions.tls');
  const override = typeof serverName === 'string' && { 'grpc.ssl_target_name_override': serverName };
  const { idempotentMethods } = options;
  const capture = new CallCapture({ groups, timeoutMs, waitForReady, idempotentMethods, time, ...discovery });
  const callInvocationTransformer = chain(capturing(capture), own.callInvocationTransformer);
  return { options: { ...DEFAULTS, ...own, ...override, callInvocationTransformer }, capture };
}

function groupsOf({ group }: DiscoveryChannelOptions): readonly string[] | undefined {
  return group === undefined ? undefined : checkGroups(group, 'channelOptions.group');
}

type Transformer = NonNullable<ClientOptions['callInvocationTransformer']>;

function chain(ours: Transformer, own: Transformer | undefined): Transformer {
  return own ? (properties) => ours(own(properties)) : ours;
}
