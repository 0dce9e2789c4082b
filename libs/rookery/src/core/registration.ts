import type { InstanceOptions, InstanceStatus, ServiceInstance } from './instance.js';

export type RegistrationState = 'registering' | 'registered' | 'recovering' | 'superseded' | 'released';

/** What the owner may change while it is registered. */
export type InstanceChange = InstanceOptions & { readonly status?: InstanceStatus };

/** A live claim on an entry. Disposing it writes `draining`, then deletes the entry. */
export interface Registration extends AsyncDisposable {
  readonly state: RegistrationState;
  /** The entry as it should stand in the registry, with what operators changed. */
  readonly instance: ServiceInstance;
  /** Resolves once the registry has accepted the entry; rejects when the claim is released before that. */
  readonly registered: Promise<void>;
  /**
   * Changes the entry; fields that an operator pinned stay as they are. Resolves when the registry has it, and in any
   * case when the claim ends.
   */
  update(change: InstanceChange): Promise<void>;
}
