/** Rookery for NestJS. Registries: `rookery/etcd`, `rookery/registries`; plain grpc-js: `rookery/grpc`; tests: `rookery/testing`. */
export type { EjectionOptions } from './core/ejection-options.js';
export { RookeryError, type RookeryErrorCode } from './core/errors.js';
export type { RookeryEvent } from './core/event.js';
export type { ExplainCall, ServiceExplanation } from './core/explain.js';
export { explanationText } from './core/explanation-text.js';
export { ANY_GROUP, UNGROUPED, type InstanceOptions, type ServiceInstance } from './core/instance.js';
export type { BalancerName } from './core/balancer-choice.js';
export type { Candidate, HashKeySource, Picker, PickerFactory, PickRequest, Weighted } from './core/picker.js';
export type { Random } from './core/time.js';
export { consistentHash } from './core/pickers/consistent-hash.js';
export { leastRequest } from './core/pickers/least-request.js';
export { p2c } from './core/pickers/p2c.js';
export { weighted } from './core/pickers/weighted.js';
export type { Registration } from './core/registration.js';
export type { Registry } from './core/registry.js';
export type { Retry, RetryOptions } from './core/retry.js';
export type { RetryBudgetOptions } from './core/retry-budget.js';
export type { GroupRoute } from './core/route.js';
export { isCallError, type RookeryCallError } from './grpc/call-error.js';
export { currentLane, withLane, type LaneOption } from './grpc/lane.js';
export { detached } from './grpc/request-context.js';
export type { AsyncClient, CallOptions, Messages } from './nest/client/async-client.types.js';
export { RookeryClient, type ClientDefaults } from './nest/client/client.js';
export type {
  AsyncClientFeature,
  ClientFeature,
  ClientFeatureOptions,
  ClientSettings,
  Compat,
  RookeryGrpcOptions,
  RookeryModuleOptions,
  StopOptions,
} from './nest/options.js';
export type { RequestStream } from './nest/server/handlers/request-stream.js';
export { laneFromHeader, type LaneFromHeaderOptions } from './nest/server/lane-from-header.js';
export { RegisterService } from './nest/server/register-service.decorator.js';
export { Rookery, type RookeryHealth } from './nest/rookery.js';
export { rookeryGrpc, type RookeryGrpcFactory } from './nest/server/rookery-grpc.js';
export { RookeryModule } from './nest/rookery.module.js';
export type { CacheOptions } from './snapshots/options.js';
export { defineService, type GrpcDefinition, type ProtoContract, type ServiceRef } from './nest/service-ref.js';
export { getClientToken, getServiceToken, InjectClient, InjectService, ROOKERY_OPTIONS } from './nest/tokens.js';
