import type { GrpcOptions } from '@nestjs/microservices';
import type { InstanceOptions } from '../core/instance.js';
import type {
  AsyncClientFeature,
  ClientFeatureOptions,
  ClientSettings,
  HealthOptions,
  RookeryGrpcOptions,
  RookeryModuleOptions,
  StopOptions,
} from './options.js';

/** The options that exist; the compiler holds each list against its interface. */
type KeysOf<T> = Readonly<Record<keyof T & string, true>>;

export const MODULE_KEYS: KeysOf<RookeryModuleOptions> = { registry: true, namespace: true, register: true };

export const INSTANCE_KEYS: KeysOf<InstanceOptions> = {
  group: true,
  weight: true,
  zone: true,
  version: true,
  metadata: true,
};

export const STOP_KEYS: KeysOf<StopOptions> = { drainMs: true, streamMs: true };

export const HEALTH_KEYS: KeysOf<HealthOptions> = { check: true, intervalMs: true };

type NestServerOptions = GrpcOptions['options'];

/** Those that mean nothing to Nest's own server. */
export const OWN_SERVER_KEYS: KeysOf<Omit<RookeryGrpcOptions, keyof NestServerOptions>> = {
  service: true,
  advertise: true,
  instance: true,
  register: true,
  registerWaitMs: true,
  requireRegistry: true,
  registerTimeoutMs: true,
  dependsOn: true,
  health: true,
  reflection: true,
  stop: true,
  compat: true,
};

export const SERVER_KEYS: KeysOf<RookeryGrpcOptions> = {
  ...OWN_SERVER_KEYS,
  url: true,
  package: true,
  protoPath: true,
  packageDefinition: true,
  loader: true,
  protoLoader: true,
  credentials: true,
  channelOptions: true,
  keepalive: true,
  maxSendMessageLength: true,
  maxReceiveMessageLength: true,
  maxMetadataSize: true,
  onLoadPackageDefinition: true,
};

export const SETTINGS_KEYS: KeysOf<ClientSettings> = {
  url: true,
  credentials: true,
  channelOptions: true,
  group: true,
  timeoutMs: true,
  balancer: true,
  healthCheck: true,
  tls: true,
  compat: true,
};

const CONTRACT_KEYS = { service: true, name: true, package: true, protoPath: true, loader: true } as const;

export const FEATURE_KEYS: KeysOf<ClientFeatureOptions> = { ...CONTRACT_KEYS, ...SETTINGS_KEYS };

export const ASYNC_FEATURE_KEYS: KeysOf<AsyncClientFeature> = { ...CONTRACT_KEYS, inject: true, useFactory: true };
