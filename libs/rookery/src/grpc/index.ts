/** Discovery for plain grpc-js: the `discovery:` target, without Nest. */
export { isCallError, type RookeryCallError } from './call-error.js';
export type { RookeryCallOptions } from './call-options.js';
export { channelOptions, DEFAULT_TIMEOUT_MS, type DiscoveryChannelOptions } from './channel-options.js';
export { createDirectory, type DirectorySettings } from './directory.js';
export { currentLane, withLane } from './lane.js';
export { detached } from './request-context.js';
export type { HealthCheckOption } from './health-option.js';
export type { TlsOptions } from './server-name.js';
export { PEER_SERVICE, PEER_SERVICE_NAME, type HelloRequest, type HelloResponse, type HostedService } from './peer.js';
