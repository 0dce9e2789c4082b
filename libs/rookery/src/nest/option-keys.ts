import type { GrpcOptions } from '@nestjs/microservices';
import { BALANCING_KEYS } from '../core/balancing-options.js';
import { INSTANCE_KEYS } from '../core/instance-keys.js';
import type { KeysOf } from '../core/keys.js';
import type { ClientDefaults } from './client/client.js';
import type {
  AsyncClientFeature,
  ClientFeatureOptions,
  ClientSettings,
  HealthOptions,
  RookeryGrpcOptions,
  RookeryModuleOptions,
  StopOptions,
} from './options.js';

export const MODULE_KEYS: KeysOf<RookeryModuleOptions> = {
  registry: true,
  namespace: true,
  register: true,
  balancer: true,
  ejection: true,
  quarantineMs: true,
  zone: true,
  mux: true,
  cache: true,
};

/** Of `forRootAsync`: those of Nest's ConfigurableModuleBuilder. */
export const ASYNC_MODULE_KEYS = {
  imports: true,
  inject: true,
  useFactory: true,
  useClass: true,
  useExisting: true,
  provideInjectionTokensFrom: true,
  isGlobal: true,
} as const;

export { INSTANCE_KEYS };

export const STOP_KEYS: KeysOf<StopOptions> = { drainMs: true, streamMs: true };

export const HEALTH_KEYS: KeysOf<HealthOptions> = { check: true, intervalMs: true };

export const LANE_KEYS = { accept: true } as const;

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
  lanes: true,
  mux: true,
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
  ...BALANCING_KEYS,
  url: true,
  credentials: true,
  channelOptions: true,
  group: true,
  timeoutMs: true,
  healthCheck: true,
  tls: true,
  mux: true,
  compat: true,
};

/** Of `RookeryClient.with`. */
export const DEFAULTS_KEYS: KeysOf<ClientDefaults> = { group: true, timeoutMs: true, waitForReady: true };

const CONTRACT_KEYS = { service: true, name: true, package: true, protoPath: true, loader: true } as const;

export const FEATURE_KEYS: KeysOf<ClientFeatureOptions> = { ...CONTRACT_KEYS, ...SETTINGS_KEYS };

export const ASYNC_FEATURE_KEYS: KeysOf<AsyncClientFeature> = { ...CONTRACT_KEYS, inject: true, useFactory: true };
