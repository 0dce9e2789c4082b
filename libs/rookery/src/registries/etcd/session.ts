import type { ServiceInstance } from '../../core/instance.js';
import { Claim, type ClaimSession } from './claim.js';
import type { EtcdContext } from './context.js';
import { Lease, type LeaseListener } from './lease.js';
import { OwnWatch } from './own-watch.js';

/**
 * The registrations of one listening server: they share one lease, which is revoked with the last of them, so that a
 * write that arrives late can leave no ghost.
 */
export class Session implements ClaimSession, LeaseListener {
  readonly lease: Lease;
  readonly own: OwnWatch;
  readonly #end = new AbortController();
  readonly #claims = new Set<Claim>();

  /** @param onEnd called when the session takes no more registrations */
  constructor(
    readonly context: EtcdContext,
    private readonly onEnd: () => void,
  ) {
    this.lease = new Lease(context, this);
    this.own = new OwnWatch(context, this.ended);
    this.lease.start();
    this.own.start();
  }

  get ended(): AbortSignal {
    return this.#end.signal;
  }

  register(instance: ServiceInstance): Claim {
    const claim = new Claim(this, instance);
    const same = (other: Claim) => other.instance.service === instance.service && other.instance.id === instance.id;
    const earlier = [...this.#claims].filter(same).map((other) => other.gone);
    this.#claims.add(claim);
    claim.start(Promise.all(earlier));
    return claim;
  }

  async leave(claim: Claim): Promise<void> {
    this.#claims.delete(claim);
    if (this.#claims.size > 0 || this.ended.aborted) return;
    this.onEnd();
    this.#end.abort();
    await this.lease.end();
  }

  async release(): Promise<void> {
    await Promise.all([...this.#claims].map((claim) => claim[Symbol.asyncDispose]()));
  }

  leased(): void {
    for (const claim of this.#claims) claim.leased();
  }

  leaseLost(error: unknown): void {
    for (const claim of this.#claims) claim.leaseLost(error);
  }

  leaseTroubled(error: unknown): void {
    for (const claim of this.#claims) claim.troubled(error);
  }
}
