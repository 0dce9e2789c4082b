import { Backoff } from '../../core/backoff.js';
import type { ServiceInstance } from '../../core/instance.js';
import type { InstanceChange, Registration, RegistrationState } from '../../core/registration.js';
import { LATE, within, pause } from '../../core/time.js';
import { ShownRegistration } from '../shown-registration.js';
import { ClaimStatus } from './claim-status.js';
import type { EtcdContext } from './context.js';
import { isLeaseGone } from './faults.js';
import { leave } from './leave.js';
import type { Lease } from './lease.js';
import { OwnEntry } from './own-entry.js';
import type { Observation, OwnWatch } from './own-watch.js';
import { Wake } from './wait.js';
import { amend } from './wanted.js';

/** How long a release may take to write `draining` and to delete, ms. */
const LEAVE_MS = 2000;
/** An entry that stood untouched for this long is restored at once again, ms. */
const CALM_MS = 60_000;

/** What a claim needs of the session that it belongs to. */
export interface ClaimSession {
  readonly context: EtcdContext;
  readonly lease: Lease;
  readonly own: OwnWatch;
  readonly ended: AbortSignal;
  /** Resolves once the session has done what is left to do without this claim. */
  leave(claim: Claim): Promise<void>;
}

/** One registration: a loop that makes the entry in etcd what it should be, one write at a time. */
export class Claim extends ShownRegistration implements Registration {
  /** Resolves when nothing of it can be written any more. */
  readonly gone: Promise<void>;
  #go!: () => void;
  readonly #status: ClaimStatus;
  readonly #entry: OwnEntry;
  /** What the watch of our key has told, and we have not looked at. */
  readonly #seen: Observation[] = [];
  readonly #wake = new Wake();
  readonly #ending = new AbortController();
  readonly #restore: Backoff;
  readonly #updates = new Set<() => void>();
  #calmAt = -Infinity;
  #holding: AbortController | undefined;
  #working: Promise<void> = Promise.resolve();
  #released: Promise<void> | undefined;

  constructor(
    private readonly session: ClaimSession,
    instance: ServiceInstance,
  ) {
    super();
    this.gone = new Promise((resolve) => (this.#go = resolve));
    this.#entry = new OwnEntry(session.context, instance);
    this.#status = new ClaimStatus(session.context, instance.service, instance.id);
    this.#restore = new Backoff(session.context.random, { baseMs: 5000 });
  }

  get state(): RegistrationState {
    return this.#status.state;
  }

  get registered(): Promise<void> {
    return this.#status.registered;
  }

  get instance(): ServiceInstance {
    return this.#entry.wanted.instance;
  }

  /** @param after until earlier claims of the same key are gone */
  start(after: Promise<unknown>): void {
    this.#working = this.#work(after);
  }

  async update(change: InstanceChange): Promise<void> {
    if (this.#released) return;
    const wanted = amend(this.#entry.wanted, change);
    if (wanted === this.#entry.wanted) return;
    this.#entry.want(wanted);
    this.#wake.call();
    await new Promise<void>((resolve) => this.#updates.add(resolve));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#released ??= this.#release());
  }

  /** There is a lease to write under, or it answers again. */
  leased(): void {
    this.#wake.call();
  }

  leaseLost(error: unknown): void {
    // Nobody spoilt the entry, it went with its lease: putting it back need not wait, nor is it held against anybody.
    this.#entry.forgetRestore();
    this.#calmAt = -Infinity;
    this.#holding?.abort();
    this.troubled(error);
    this.#wake.call();
  }

  troubled(error: unknown): void {
    if (!this.#released) this.#status.troubled(error);
  }

  async #work(after: Promise<unknown>): Promise<void> {
    await after;
    const { signal } = this.#ending;
    const { time, random } = this.session.context;
    const backoff = new Backoff(random, { baseMs: 200 });
    for (let failures = 0; !signal.aborted;) {
      try {
        await this.#step(signal);
        failures = 0;
        backoff.reset();
      } catch (error) {
        failures += 1;
        // One that fails is nothing: the next one goes to another host.
        if (failures > 1) this.troubled(error);
        await pause(time, backoff.next(), signal);
      }
    }
  }

  /** Writes where there is something to write, else waits until there may be. */
  async #step(signal: AbortSignal): Promise<void> {
    this.#digest();
    const { lease } = this.session;
    const { id } = lease;
    if (id === undefined || !this.#entry.isDue(id)) {
      if (id !== undefined && this.#entry.holder === undefined && lease.healthy) this.#settle();
      return this.#wake.wait(signal);
    }
    if (await this.#heldBack()) return;
    try {
      await this.#write(id);
    } catch (error) {
      if (!isLeaseGone(error)) throw error;
      lease.gone(id, error);
    }
  }

  #digest(): void {
    for (const observation of this.#seen.splice(0)) this.#entry.observe(observation, this.session.lease.id);
    const fields = this.#entry.takeEdits();
    if (fields.length > 0) this.#status.amended(fields);
    if (this.#entry.holder !== undefined) this.#status.superseded(this.#entry.key);
  }

  /** Everything is as it should be. */
  #settle(): void {
    this.#status.accepted();
    this.#finishUpdates();
  }

  #finishUpdates(): void {
    for (const resolve of this.#updates) resolve();
    this.#updates.clear();
  }

  /** Restoring is immediate at first; whoever goes on spoiling the entry is not fought at full speed. */
  async #heldBack(): Promise<boolean> {
    const { time } = this.session.context;
    if (!this.#entry.restoring || this.#entry.restoreDelayed) return false;
    const calm = time.now() > this.#calmAt;
    if (calm) this.#restore.reset();
    const delay = calm ? 0 : this.#restore.next();
    this.#calmAt = time.now() + delay + CALM_MS;
    this.#entry.restoreDelayed = true;
    if (delay === 0) return false;
    this.#holding = new AbortController();
    await pause(time, delay, AbortSignal.any([this.#ending.signal, this.#holding.signal]));
    return true;
  }

  async #write(lease: string): Promise<void> {
    const { key, restoring: reason } = this.#entry;
    const { revision, written } = await this.#entry.write(lease);
    this.#watch(key, revision, written);
    if (written && reason) this.#status.restored(reason);
  }

  /** Watches the key that the entry has now. */
  #watch(key: string, revision: number, written: boolean): void {
    if (this.#ending.signal.aborted) return;
    this.session.own.add(key, revision, (observation) => {
      this.#seen.push(observation);
      this.#wake.call();
    });
    if (written) this.session.own.delete(this.#entry.twin);
  }

  /** From here on, nothing that others write is heeded. */
  async #release(): Promise<void> {
    this.#ending.abort();
    this.session.own.delete(this.#entry.key);
    this.session.own.delete(this.#entry.twin);
    this.#status.releasing();
    // Goes on by itself where it takes longer, for as long as the session and thereby the lease live.
    const left = this.#working.then(() => leave(this.session, this.#entry)).finally(this.#go);
    const answer = await within(this.session.context.time, LEAVE_MS, left).catch(() => LATE);
    await this.session.leave(this);
    this.#status.released(answer === LATE ? LEAVE_MS : undefined);
    this.#finishUpdates();
  }
}
