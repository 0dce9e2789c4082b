import type { ChannelOptions, ClientOptions } from '@grpc/grpc-js';
import { createBalancer, type BalancerOptions } from '../core/balancer.js';
import type { Directory } from '../core/directory.js';
import { checkMs } from '../core/duration.js';
import { checkEjection, type EjectionOptions } from '../core/ejection-options.js';
import { checkKeys, type KeysOf } from '../core/keys.js';
import type { EventSink } from '../core/event.js';
import type { PickerFactory } from '../core/picker.js';
import { attemptsOf, checkRetry, type Retry } from '../core/retry.js';
import { checkGroups } from '../core/route.js';
import { checkSubset } from '../core/subset.js';
import type { Random, Time } from '../core/time.js';
import { checkZone } from '../core/zone-preference.js';
import { systemRandom } from '../system/random.js';
import { systemTime } from '../system/time.js';
import { captureCall } from './capture.js';
import { withHandle } from './handle.js';
import { checkHealthCheck, type HealthCheckOption } from './health-option.js';
import { install } from './install.js';
import { readServiceConfig, retriesItself, withPolicies } from './service-config.js';
import { checkTls, type TlsOptions } from './server-name.js';

/** The deadline of unary calls that name none, ms. */
export const DEFAULT_TIMEOUT_MS = 5000;

export interface DiscoveryChannelOptions {
  /** Groups of the calls that name none, in order of preference. */
  readonly group?: string | readonly string[];
  /** Deadline of unary calls that name none, ms; default 5000, 0 = none. */
  readonly timeoutMs?: number;
  readonly waitForReady?: boolean;
  /**
   * What is sent again, to an instance that the call was not sent to before; default `'idempotent'`. A `grpc.service_config`
   * with retry or hedging policies of its own takes the place of this.
   */
  readonly retry?: Retry;
  /** Paths (`/package.Service/Method`) of methods whose calls are idempotent without saying so; default none. */
  readonly idempotentMethods?: ReadonlySet<string>;
  /** Default `weighted`. */
  readonly balancer?: PickerFactory;
  /**
   * Whether to watch `grpc.health.v1.Health` at each instance, on the connection that its calls take (gRFC A17): one that
   * does not say SERVING gets no call until it does, and keeps its connection. `true` asks about the service's name, and
   * servers that are not ours about themselves (`''`); a text is what to ask about. A server without a health service
   * counts as healthy. The watch is an open stream: it holds the process until the client is closed. Default false.
   */
  readonly healthCheck?: HealthCheckOption;
  readonly tls?: TlsOptions;
  /**
   * How long an instance that the registry lost without a word is kept beside others that it knows, for as long as the
   * connection to it holds, ms; default 60 000. Where its whole group was lost it is kept as long as the connection.
   */
  readonly quarantineMs?: number;
  /**
   * When instances whose calls or connections fail get no calls for a while, as long as their group has others (gRFC A50,
   * Finagle's failure accrual); `false` is never. Default: after 5 failures in a row, for 5 s, then longer.
   */
  readonly ejection?: false | EjectionOptions;
  /**
   * How long the share of an instance that joins grows, from a tenth of its weight to all of it, ms; counted from when this
   * client first sees it ready (Envoy's slow start). Default 0: all of it at once.
   */
  readonly warmUpMs?: number;
  /**
   * To how many instances of a group the client connects, 0 or `false` = all; default 200. It chooses them by a hash with a
   * seed of its own, replaces those that fail, and connects to fewer only where a group has fewer (gRFC A68).
   */
  readonly subset?: number | false;
  /**
   * Where the client stands. Instances of the same `zone` are preferred: they take min(1, 1.4 × the usable weight of the
   * zone / its weight) of the calls, the others take the rest by weight (the rule of Envoy's priority levels). With fewer
   * than two usable instances in the zone all count by weight alone. Default, and `false`: no preference.
   */
  readonly zone?: string | false;
  /** Whether the client's credentials are those of TLS: says more where they do not fit a server. Default not known. */
  readonly secure?: boolean;
  /** grpc-js's own options; they win over ours, except for the policy's name. */
  readonly channelOptions?: ClientOptions | undefined;
  readonly emit?: EventSink;
  readonly time?: Time;
  readonly random?: Random;
}

const KEYS: KeysOf<DiscoveryChannelOptions> = {
  group: true,
  timeoutMs: true,
  waitForReady: true,
  retry: true,
  idempotentMethods: true,
  balancer: true,
  healthCheck: true,
  tls: true,
  quarantineMs: true,
  ejection: true,
  warmUpMs: true,
  subset: true,
  zone: true,
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
  install();
  checkKeys(options, KEYS, 'channelOptions');
  const { time = systemTime, random = systemRandom, balancer: picker } = options;
  const { emit = directory.registry.events.emit, healthCheck, quarantineMs, ejection, warmUpMs, secure } = options;
  if (quarantineMs !== undefined) checkMs(quarantineMs, 'channelOptions.quarantineMs');
  if (ejection !== undefined) checkEjection(ejection, 'channelOptions.ejection');
  if (warmUpMs !== undefined) checkMs(warmUpMs, 'channelOptions.warmUpMs');
  if (healthCheck !== undefined) checkHealthCheck(healthCheck, 'channelOptions.healthCheck');
  const subset = options.subset === undefined ? undefined : checkSubset(options.subset, 'channelOptions.subset');
  const zone = options.zone === undefined ? undefined : checkZone(options.zone, 'channelOptions');
  const { serverName } = checkTls(options.tls ?? {}, 'channelOptions.tls');
  const direct = directOptions(options);
  const config = readServiceConfig(direct['grpc.service_config']);
  const own = options.retry === undefined ? 'idempotent' : checkRetry(options.retry, 'channelOptions.retry');
  const retry = retriesItself(config) ? ('own' as const) : own;
  const attempts = retry === 'own' ? 1 : attemptsOf(retry);
  const balancing = { quarantineMs, ejection, warmUpMs, retry, subset, zone, ...(picker && { picker }) };
  const handle = {
    version: 1 as const,
    time,
    random,
    healthCheck,
    ...(typeof serverName === 'function' && { serverName }),
    secure,
    createBalancer: (service: string, connect: BalancerOptions['connect']) =>
      createBalancer({ ...balancing, service, directory, connect, time, random, emit }),
  };
  return withHandle({ ...direct, 'grpc.service_config': JSON.stringify(withPolicies(config, attempts)) }, handle);
}

/**
 * The options of a client with any other target: the same defaults and per-call options, without discovery.
 * @throws {RookeryError} ROOKERY_NAME_INVALID, ROOKERY_OPTION_INVALID
 */
export function directOptions(options: DiscoveryChannelOptions): ClientOptions {
  const { time = systemTime, channelOptions: own = {}, timeoutMs = DEFAULT_TIMEOUT_MS, waitForReady } = options;
  const groups = options.group === undefined ? undefined : checkGroups(options.group, 'channelOptions.group');
  const { serverName } = checkTls(options.tls ?? {}, 'channelOptions.tls');
  const override = typeof serverName === 'string' && { 'grpc.ssl_target_name_override': serverName };
  const capture = captureCall({ groups, timeoutMs, waitForReady, idempotentMethods: options.idempotentMethods, time });
  return { ...DEFAULTS, ...own, ...override, callInvocationTransformer: chain(capture, own.callInvocationTransformer) };
}

type Transformer = NonNullable<ClientOptions['callInvocationTransformer']>;

function chain(ours: Transformer, own: Transformer | undefined): Transformer {
  return own ? (properties) => ours(own(properties)) : ours;
}
