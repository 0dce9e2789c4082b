/** The framework-free part: what an instance is, what is known of a service, and who takes a call. */
export { formatAddress, parseAddress, type Address } from './address.js';
export { Backoff, type BackoffOptions } from './backoff.js';
export { createBalancer, type Balancer, type BalancerOptions } from './balancer.js';
export { CALL_REASONS, type CallFailure, type CallReason, type CallRecord, type PickResult } from './call.js';
export { apply, type DeleteCause, type ServiceChange, type ServiceDelta, type ServiceState } from './change.js';
export { createDirectory, type Directory, type DirectoryOptions, type ViewListener } from './directory.js';
export { Endpoint, type Connection, type EndpointState } from './endpoint.js';
export {
  ERROR_CODES,
  messageOf,
  RookeryError,
  show,
  type RookeryErrorCode,
  type RookeryErrorDetails,
} from './errors.js';
export { EventHub, type EventSink, type RookeryEvent } from './event.js';
export {
  ANY_GROUP,
  checkGroup,
  checkInstanceOptions,
  checkMetadata,
  checkName,
  checkWeight,
  createInstance,
  DEFAULT_WEIGHT,
  isServing,
  MAX_WEIGHT,
  PEER_VERSION,
  sameInstance,
  UNGROUPED,
  type InstanceInit,
  type InstanceOptions,
  type InstanceStatus,
  type ServiceInstance,
} from './instance.js';
export type { Candidate, Picker, PickerFactory, PickRequest } from './picker.js';
export { weighted } from './pickers/weighted.js';
export type { InstanceChange, Registration, RegistrationState } from './registration.js';
export type { Registry, RegistryCapabilities, RegistryReach } from './registry.js';
export { checkGroups, DEFAULT_ROUTE, parseRoute, sameRoute, type GroupRoute } from './route.js';
export { pause, type Random, type Time } from './time.js';
export { PENDING, type ServiceView } from './view.js';
