import type { CallRecord, Outcome } from './call.js';
import type { EjectionSettings } from './ejection-options.js';
import type { Endpoint, EndpointState } from './endpoint.js';
import type { EventSink } from './event.js';
import type { GroupPool } from './group-pool.js';
import type { GroupPools } from './group-pools.js';
import { isServing, type ServiceInstance } from './instance.js';
import { INTERVAL_MS, SuccessRate } from './success-rate.js';
import type { Random, Time } from './time.js';
import { judge } from './verdict.js';

/** Why an endpoint was ejected: failures in a row, or far more of them than the others of its group have. */
export type EjectionReason = 'consecutive-failures' | 'success-rate';

export interface EjectionParts extends EjectionSettings {
  readonly service: string;
  readonly time: Time;
  readonly random: Random;
  readonly pools: GroupPools;
  readonly emit: EventSink;
}

/**
 * Sets endpoints aside that fail (gRFC A50, Finagle's failure accrual): connected, and without calls while their group has
 * others. For up to 5 s, twice as long each time, less again with every 10 s that pass without; a part of it is chance, so
 * that many clients do not come back together. Then it is as any other, but that one failure is enough until a call has
 * gone well: calls that come are probe enough. Never more than half of a group: what else fails then is not one of many.
 */
export class Ejection {
  readonly #rate: SuccessRate | undefined;
  readonly #timers = new Map<Endpoint, Disposable>();
  #closed = false;

  constructor(private readonly parts: EjectionParts) {
    const outlier = (endpoint: Endpoint) => this.#eject(endpoint, 'success-rate');
    if (parts.successRate) this.#rate = new SuccessRate(parts.time, outlier);
  }

  callEnded(endpoint: Endpoint, call: CallRecord, outcome: Outcome): void {
    const { tally, instance } = endpoint;
    const verdict = judge(call, outcome);
    if (this.#closed || verdict === 'nothing' || endpoint.ejectedUntil !== undefined) return;
    // What still ran while it was ejected, or while somebody else was there.
    if (tally.since !== -Infinity && (outcome.at ?? this.parts.time.now()) - outcome.ms < tally.since) return;
    const failed = verdict === 'failed';
    // Whoever stops ends what still runs.
    if (failed && (endpoint.draining || !isServing(instance))) return;
    // All calls of a connection end with it.
    if (failed && endpoint.state !== 'ready') return this.#lost(endpoint);
    this.#rate?.count(endpoint, failed);
    if (failed) this.#failed(endpoint);
    else tally.inARow = 0;
  }

  /** Only one that was ready can fail anew: whoever cannot be connected to gets no calls as it is. */
  reported(endpoint: Endpoint, state: EndpointState): void {
    if (state === 'ready') endpoint.tally.broken = false;
    else if (state === 'failed') this.#lost(endpoint);
  }

  /** Another process stands behind the address; whoever counts it places it. */
  replaced(endpoint: Endpoint, before: ServiceInstance): void {
    const { ejectedUntil, tally } = endpoint;
    this.#release(endpoint);
    tally.clear(this.parts.time.now());
    const { id, address, service } = before;
    if (ejectedUntil !== undefined) this.parts.emit({ type: 'endpoint.restored', service, id, address });
  }

  /** More of its endpoints are ejected than may be: some have left. The one that was first is back first. */
  readonly trim = (pool: GroupPool): void => {
    const first = pool.firstEjected;
    if (first && !this.#closed) this.#restore(first);
  };

  panicked(group: string, instances: number): void {
    const { service, emit } = this.parts;
    if (!this.#closed) emit({ type: 'group.panicked', service, group, instances });
  }

  /** It is closed. */
  forget(endpoint: Endpoint): void {
    this.#release(endpoint);
    this.#rate?.forget(endpoint);
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#timers.values()) timer[Symbol.dispose]();
    this.#timers.clear();
    this.#rate?.close();
  }

  #lost(endpoint: Endpoint): void {
    const { tally } = endpoint;
    if (tally.broken) return;
    tally.broken = true;
    if (endpoint.ejectedUntil === undefined) this.#failed(endpoint);
  }

  #failed(endpoint: Endpoint): void {
    endpoint.tally.inARow += 1;
    if (endpoint.tally.inARow >= this.parts.consecutiveFailures) this.#eject(endpoint, 'consecutive-failures');
  }

  #eject(endpoint: Endpoint, reason: EjectionReason): void {
    const { time, pools, emit } = this.parts;
    const { id, address, group, service } = endpoint.instance;
    if (endpoint.ejectedUntil !== undefined || !pools.has(endpoint) || !pools.get(group)?.mayEject) return;
    const forMs = this.#howLong(endpoint);
    endpoint.ejectedUntil = time.now() + forMs;
    endpoint.ejectedFor = reason;
    this.#timers.set(
      endpoint,
      time.after(forMs, () => this.#restore(endpoint)),
    );
    emit({ type: 'endpoint.ejected', service, id, address, group, reason, forMs });
    pools.place(endpoint);
  }

  /** Half of it is certain (Finagle's equal jitter). */
  #howLong({ tally }: Endpoint): number {
    const { time, random, baseEjectionMs, maxEjectionMs } = this.parts;
    const healed = Number.isFinite(tally.since) ? Math.floor((time.now() - tally.since) / INTERVAL_MS) : 0;
    tally.ejections = Math.max(0, tally.ejections - healed);
    const bound = Math.min(maxEjectionMs, baseEjectionMs * 2 ** Math.min(tally.ejections, 30));
    tally.ejections += 1;
    return bound * (0.5 + random() / 2);
  }

  #restore(endpoint: Endpoint): void {
    const { time, pools, emit, consecutiveFailures } = this.parts;
    const { id, address, service } = endpoint.instance;
    this.#release(endpoint);
    endpoint.forgive();
    endpoint.tally.since = time.now();
    endpoint.tally.inARow = consecutiveFailures - 1;
    emit({ type: 'endpoint.restored', service, id, address });
    pools.place(endpoint);
  }

  #release(endpoint: Endpoint): void {
    this.#timers.get(endpoint)?.[Symbol.dispose]();
    this.#timers.delete(endpoint);
    endpoint.ejectedUntil = endpoint.ejectedFor = undefined;
  }
}
