import type { ServiceInstance } from './instance.js';
import type { GroupRoute } from './route.js';

/**
 * What is known of a service. Unknown, empty and broken are three things: calls wait on `pending`, fail fast on a
 * known and empty view, and are served from the last known view while the registry cannot be reached (`staleSince`).
 */
export type ServiceView =
  | { readonly status: 'pending' }
  | {
      readonly status: 'known';
      /** A live, read-only window, oldest first. */
      readonly instances: ReadonlyMap<string, ServiceInstance>;
      readonly route?: GroupRoute | undefined;
      /** Counts the effective changes; a higher number is a newer view. */
      readonly revision: number;
      /** When the registry was lost, ms of the directory's clock; absent while the watch is live. */
      readonly staleSince?: number | undefined;
    }
  /** Only what waiting cannot heal. */
  | { readonly status: 'failed'; readonly error: Error };

export const PENDING: ServiceView = Object.freeze({ status: 'pending' });

/** A view that calls go by. */
export type KnownView = Extract<ServiceView, { readonly status: 'known' }>;
