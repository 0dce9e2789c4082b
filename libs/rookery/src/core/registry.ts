import type { ServiceChange } from './change.js';
import type { EventHub } from './event.js';
import type { ServiceInstance } from './instance.js';
import type { Registration } from './registration.js';
import type { GroupRoute } from './route.js';

/** Who can see what is registered: this process, this machine, or every machine that reaches the registry. */
export type RegistryReach = 'process' | 'machine' | 'network';

export interface RegistryCapabilities {
  /** Takes registrations; a read-only source does not. */
  readonly register: boolean;
  /** Operators may change weights and groups of instances, by whatever writes there beside their servers. */
  readonly steer: boolean;
  /** Carries a route per service, which `steer` of the registry sets. */
  readonly routes: boolean;
  /** Tells changes by itself, instead of being asked. */
  readonly push: boolean;
  /** An entry goes by itself with the process that wrote it. */
  readonly lease: boolean;
  /** Entries say what share of the calls an instance gets. */
  readonly weights: boolean;
  /** Entries say which group an instance is in. */
  readonly groups: boolean;
  /** How long a change may take to reach every watcher, ms: the least quiet period of a stopping server. */
  readonly propagationMs: number;
  readonly reach: RegistryReach;
}

/** What operators write into a registry beside the instances. */
export interface RegistrySteering {
  /**
   * Sets the route of a service, for every client of it; `undefined` takes it away. Resolves when the registry has it:
   * clients follow within `propagationMs`. The last one who writes counts; nothing ends the route with its writer.
   * @throws {RookeryError} ROOKERY_NAME_INVALID, ROOKERY_OPTION_INVALID, and nothing is written; ROOKERY_REGISTRY_REFUSED,
   * ROOKERY_REGISTRY_UNREACHABLE within seconds, ROOKERY_REGISTRY_CLOSED
   */
  setRoute(service: string, route: GroupRoute | undefined): Promise<void>;
}

/** Where instances are written and watched. */
export interface Registry extends AsyncDisposable {
  /** The registry as a URL without secrets, for logs. */
  readonly name: string;
  readonly capabilities: RegistryCapabilities;
  /** What the registry tells about itself: registrations, malformed entries. */
  readonly events: EventHub;
  /** `host:port` of the registry's servers, where it has any: a server asks them which of its own addresses they see. */
  readonly hosts?: readonly string[];
  /**
   * Claims an entry, and keeps it for as long as the registration is held. Synchronous, so that there is always
   * something to release; the registry is reached in the background, for ever if need be.
   * @throws {RookeryError} ROOKERY_REGISTRY_READONLY, ROOKERY_REGISTRY_CLOSED
   */
  register(instance: ServiceInstance): Registration;
  /**
   * One batch per answer of the registry, a `reset` first. Ends when the signal aborts; throws on any fault, also
   * where the registry is merely out of reach: the directory retries.
   */
  watch(service: string, signal: AbortSignal): AsyncIterable<readonly ServiceChange[]>;
  /** Absent where the registry takes nothing from operators. */
  readonly steer?: RegistrySteering;
}
