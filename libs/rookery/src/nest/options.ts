import type { InjectionToken } from '@nestjs/common';
import type { GrpcOptions } from '@nestjs/microservices';
import type { ChannelCredentials, ClientOptions } from '@grpc/grpc-js';
import type { BalancingOptions } from '../core/balancing-options.js';
import { RookeryError, show } from '../core/errors.js';
import type { InstanceOptions } from '../core/instance.js';
import type { Registry } from '../core/registry.js';
import type { HealthCheckOption } from '../grpc/health-option.js';
import type { LaneOption } from '../grpc/lane.js';
import type { TlsOptions } from '../grpc/server-name.js';
import type { CacheOptions } from '../snapshots/options.js';
import type { RegisterMode } from './environment.js';
import type { MuxOptions } from './mux-options.js';
import type { HealthCheck } from './server/health-check.js';
import type { ProtoContract, ServiceRef } from './service-ref.js';

/** Options of `RookeryModule.forRoot`; those of balancing are for clients that say nothing else. */
export interface RookeryModuleOptions extends Pick<BalancingOptions, 'balancer' | 'ejection' | 'quarantineMs'> {
  /**
   * A registry, or its URL. Default: env `ROOKERY_REGISTRY`; else `memory:` under vitest and jest, the embedded
   * `local:` on a developer's machine, and in production nothing: the application refuses to start.
   */
  readonly registry?: Registry | string;
  /** Separates environments that share a registry; env `ROOKERY_NAMESPACE`. Only for registries named by URL. */
  readonly namespace?: string;
  /**
   * Whether servers register: by themselves, when `Rookery.register()` says so, or not at all. Default: env
   * `ROOKERY_REGISTER`, else `'auto'`.
   */
  readonly register?: RegisterMode;
  /**
   * Where this process stands: its clients prefer instances of the same zone, and its own instances are of this zone unless
   * their server says otherwise. Default: env `ROOKERY_ZONE`, else no preference.
   */
  readonly zone?: string;
  /**
   * Whether unary calls between peers share one stream, of clients and servers that say nothing else. It changes what they
   * cost and nothing else; docs/guides/mux.md says what goes one by one all the same. Default false.
   */
  readonly mux?: boolean | MuxOptions;
  /** Keeps what is known of services on disk, so that clients can start while the registry is down. Default not. */
  readonly cache?: CacheOptions;
}

/** How long the steps of a stop may take, ms. */
export interface StopOptions {
  /** For running calls, once no new ones come; default 20 000 in production, else 10 000. */
  readonly drainMs?: number;
  /** Of that, for streams; default all of it in production, else 500: in development a restart is waited for. */
  readonly streamMs?: number;
}

/** Options of `grpc.health.v1`, as a server answers it. */
export interface HealthOptions {
  /**
   * Says that the server can do its work: anything but `false` or an error does. It is registered once this passes; a
   * later failure says NOT_SERVING to whoever asks, and leaves the registration alone.
   */
  readonly check?: HealthCheck;
  /** Between two questions, ms; an answer that takes longer is none. Default 5000. */
  readonly intervalMs?: number;
}

/** Whose behaviour is kept where Nest's own and ours differ. */
export type Compat = 'nest';

type NestGrpcOptions = GrpcOptions['options'];

/** Options of `rookeryGrpc`: Nest's gRPC options, and where and how the server is registered. */
export interface RookeryGrpcOptions extends Omit<NestGrpcOptions, 'package' | 'protoPath' | 'gracefulShutdown'> {
  /** The service of controllers that say only `@RegisterService()`, and its contract. */
  readonly service?: ServiceRef | string;
  readonly package?: string | string[];
  readonly protoPath?: ProtoContract['protoPath'];
  /** Where to listen: `host:port`, `[v6]:port`, `unix:path`; port 0 takes a free one. Default: env `ROOKERY_BIND`, else a free port. */
  readonly url?: string;
  /** What clients dial: `host`, or `host:port`. Default: env `ROOKERY_ADVERTISE`, else found out. */
  readonly advertise?: string;
  /** What is said of the instance: group, weight, zone, version, metadata. Each by default: env `ROOKERY_…`, the decorator. */
  readonly instance?: InstanceOptions;
  /**
   * `'auto'`: registers by itself, once the server listens, the application has started, and `dependsOn` and `health.check`
   * are satisfied. `'manual'`: when `Rookery.register()` says so. `'never'`: serves, and is in no registry. Default: that of
   * `RookeryModule.forRoot()`, else env `ROOKERY_REGISTER`, else `'auto'`.
   */
  readonly register?: RegisterMode;
  /**
   * How long `listen()` of a microservice waits for the registration, ms; after that it serves and goes on trying. It does
   * not wait where `dependsOn` is not satisfied yet, nor do the servers of a hybrid application, which listen before it has
   * started. Default 3000.
   */
  readonly registerWaitMs?: number;
  /**
   * Does not start without the registration: `listen()` of a microservice, or `init()` and `listen()` of a hybrid
   * application, rejects with ROOKERY_REGISTRATION_TIMEOUT after `registerTimeoutMs`. Refused beside `dependsOn`, for which
   * nobody waits. Says nothing where the server does not register by itself. Default false: serve, and go on trying.
   */
  readonly requireRegistry?: boolean;
  /**
   * With `requireRegistry`: how long the registry may take to accept, ms, and, before that, how long `health.check` may take
   * to pass. Default 30 000.
   */
  readonly registerTimeoutMs?: number;
  /**
   * Services, none of its own, that must have an instance before this server is registered. Nobody waits for them but
   * `Rookery.registered()`: neither `listen()` nor `registerWaitMs`, and `requireRegistry` is refused beside it. Default none.
   */
  readonly dependsOn?: readonly (ServiceRef | string)[];
  /** Serves `grpc.health.v1`, unless the application does so itself; default true. */
  readonly health?: boolean | HealthOptions;
  /** Serves `grpc.reflection` by the package `@grpc/reflection`; default false. */
  readonly reflection?: boolean;
  /** How long the steps of a stop may take. Default: see `StopOptions`. */
  readonly stop?: StopOptions;
  /**
   * Which lanes of incoming calls become those of their handlers, and so of the calls that these make. `'ignore'`: none.
   * `{ accept: ['canary'] }`: those of the list. For a server that others than your own services reach. Default: all.
   */
  readonly lanes?: LaneOption;
  /** Whether it takes unary calls of peers over one stream. Default: what `RookeryModule.forRoot()` says. */
  readonly mux?: boolean | MuxOptions;
  /** `'nest'`: answers, errors and streams as Nest's own server has them, with its defects. Default: without them. */
  readonly compat?: Compat;
}

/** Those of balancing are by default what `forRoot` says, `zone` included. */
export interface ClientFeatureOptions extends BalancingOptions {
  /** The service to dial, and its contract. */
  readonly service: ServiceRef | string;
  /** The token; default the service's name. One service may have several clients. */
  readonly name?: string;
  /** The contract, where `service` is only a name. */
  readonly package?: string | string[];
  readonly protoPath?: ProtoContract['protoPath'];
  readonly loader?: ProtoContract['loader'];
  /** A target of grpc-js that bypasses discovery. */
  readonly url?: string;
  readonly credentials?: ChannelCredentials;
  readonly channelOptions?: ClientOptions;
  /** Groups of calls that name none, in order of preference. */
  readonly group?: string | readonly string[];
  /** Deadline of unary calls that name none, ms; default 5000, 0 = none. */
  readonly timeoutMs?: number;
  /**
   * Whether to watch the health of each instance and give calls only to those that say SERVING (gRFC A17): `true` asks
   * about the service's name, and servers that are not ours about themselves; a text is what to ask about. Default false.
   */
  readonly healthCheck?: HealthCheckOption;
  /** With `credentials` of TLS: `serverName` is the name that certificates must carry; default the service's name. */
  readonly tls?: TlsOptions;
  /** Whether its unary calls share one stream to each peer. Default: what `RookeryModule.forRoot()` says. */
  readonly mux?: boolean | MuxOptions;
  /** `'nest'`: Observables and deadlines as Nest's own client has them, with its defects. Default: without them. */
  readonly compat?: Compat;
}

/** A client to inject: a service, or a service with options. */
export type ClientFeature = ServiceRef | ClientFeatureOptions;

/** What a client's factory may say; the service and its contract are known before. */
export type ClientSettings = Omit<ClientFeatureOptions, 'service' | 'name' | 'package' | 'protoPath' | 'loader'>;

/** A client whose settings are made with dependencies of the application. */
export interface AsyncClientFeature extends Pick<
  ClientFeatureOptions,
  'service' | 'name' | 'package' | 'protoPath' | 'loader'
> {
  readonly inject?: readonly InjectionToken[];
  readonly useFactory: (...dependencies: any[]) => ClientSettings | Promise<ClientSettings>;
}

/** @throws {RookeryError} ROOKERY_OPTION_INVALID */
export function checkCompat(value: unknown, path: string): void {
  if (value === 'nest') return;
  throw new RookeryError('ROOKERY_OPTION_INVALID', {
    path,
    found: `found ${show(value)}.`,
    remedy: "Use 'nest', or leave it out.",
  });
}
