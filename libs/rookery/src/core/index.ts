/** What registries, pickers and listeners are written against: the contracts of the framework-free part. */
export { formatAddress, parseAddress, type Address } from './address.js';
export { CALL_REASONS, type CallReason, type Waiting } from './call.js';
export type { GroupRule, PlannedGroup } from './call-groups.js';
export type { DeleteCause, ServiceChange, ServiceDelta } from './change.js';
export type { Directory, DirectoryOptions, ViewListener } from './directory.js';
export type { EjectionReason } from './ejection.js';
export type { EjectionOptions } from './ejection-options.js';
export type { EndpointState } from './endpoint.js';
export { ERROR_CODES, RookeryError, type RookeryErrorCode, type RookeryErrorDetails } from './errors.js';
export type {
  CallOutcome,
  ChannelExplainer,
  ChannelExplanation,
  ChannelReport,
  ExplainCall,
  ExplainedCall,
  GroupExplanation,
  InstanceExplanation,
  InstanceStanding,
  ServiceExplanation,
} from './explain.js';
export { explanationText } from './explanation-text.js';
export { EventHub, type EventSink, type RookeryEvent } from './event.js';
export {
  ANY_GROUP,
  checkName,
  createInstance,
  DEFAULT_WEIGHT,
  MAX_WEIGHT,
  PEER_VERSION,
  UNGROUPED,
  type InstanceInit,
  type InstanceOptions,
  type InstanceStatus,
  type ServiceInstance,
} from './instance.js';
export type { BalancerName } from './balancer-choice.js';
export type { PickExplanation } from './pick-log.js';
export type { Candidate, HashKeySource, Picker, PickerFactory, PickRequest, Weighted } from './picker.js';
export { consistentHash } from './pickers/consistent-hash.js';
export { leastRequest } from './pickers/least-request.js';
export { p2c } from './pickers/p2c.js';
export { weighted } from './pickers/weighted.js';
export type { InstanceChange, Registration, RegistrationState } from './registration.js';
export type { Registry, RegistryCapabilities, RegistryReach, RegistrySteering } from './registry.js';
export type { Retry, RetryOptions } from './retry.js';
export type { RetryBudgetOptions } from './retry-budget.js';
export { checkRoute, type GroupRoute } from './route.js';
export type { Random, Time } from './time.js';
export type { KnownView, ServiceView } from './view.js';
export { WHY, type Why, type WhyCode } from './why.js';
export type { ViewCache, ViewSnapshot } from './view-cache.js';
