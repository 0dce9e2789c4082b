import { Backoff } from '../../core/backoff.js';
import type { ServiceInstance } from '../../core/instance.js';
import type { InstanceChange, Registration, RegistrationState } from '../../core/registration.js';
import { LATE, within, pause } from '../../core/time.js';
import { ShownRegistration } from '../shown-registration.js';
import { ClaimStatus, type ClaimPlace } from '../entry/claim-status.js';
import { RestorePace } from '../entry/restore-pace.js';
import type { EtcdContext } from './context.js';
import { isLeaseGone, unreachable } from './faults.js';
import { leave } from './leave.js';
import type { Lease } from './lease.js';
import { OwnEntry, type Written } from './own-entry.js';
import type { Observation, OwnWatch } from './own-watch.js';
import { Wake } from '../entry/wait.js';
import { amend } from '../entry/wanted.js';

/** How long a release may take to write `draining` and to delete, ms. */
const LEAVE_MS = 2000;

/** What a claim needs of the session that it belongs to. */
export interface ClaimSession {
  readonly context: EtcdContext;
  readonly lease: Lease;
  readonly own: OwnWatch;
  readonly ended: AbortSignal;
  /** Resolves once the session has done what is left to do without this claim. */
  leave(claim: Claim): Promise<void>;
}

/**
 * One registration: a loop that makes its entries in etcd what they should be, one write at a time. Operators change the
 * entry of the first dialect that is written; those of the others follow it.
 */
export class Claim extends ShownRegistration implements Registration {
  /** Resolves when nothing of it can be written any more. */
  readonly gone: Promise<void>;
  #go!: () => void;
  readonly #status: ClaimStatus;
  readonly #entry: OwnEntry;
  /** In the other dialects. */
  readonly #derived: readonly OwnEntry[];
  /** What the watch of our keys has told, and we have not looked at. */
  readonly #seen: { readonly entry: OwnEntry; readonly observation: Observation }[] = [];
  readonly #watched = new Map<string, OwnEntry>();
  readonly #wake = new Wake();
  readonly #ending = new AbortController();
  readonly #pace: RestorePace;
  readonly #updates = new Set<() => void>();
  #working: Promise<void> = Promise.resolve();
  #released: Promise<void> | undefined;

  constructor(
    private readonly session: ClaimSession,
    instance: ServiceInstance,
  ) {
    super();
    this.gone = new Promise((resolve) => (this.#go = resolve));
    const { context } = session;
    const [entry, ...derived] = context.layout.write.map(
      (dialect, i) => new OwnEntry(context, dialect, instance, i > 0),
    );
    if (!entry) throw new TypeError('nothing is written');
    this.#entry = entry;
    this.#derived = derived;
    this.#status = new ClaimStatus(placeOf(session.context), instance.service, instance.id);
    this.#pace = new RestorePace(session.context.time, session.context.random);
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
    this.#derive();
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
    for (const entry of this.#entries) entry.forgetRestore();
    this.#pace.forgive();
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
    const due = id === undefined ? undefined : this.#entries.find((entry) => entry.isDue(id));
    if (id === undefined || !due) {
      if (id !== undefined && !this.#held && lease.healthy) this.#settle();
      return this.#wake.wait(signal);
    }
    if (await this.#pace.held(due, signal)) return;
    try {
      await this.#write(due, id);
    } catch (error) {
      if (!isLeaseGone(error)) throw error;
      lease.gone(id, error);
    }
  }

  get #entries(): readonly OwnEntry[] {
    return [this.#entry, ...this.#derived];
  }

  /** An entry whose place somebody else has. */
  get #held(): OwnEntry | undefined {
    return this.#entries.find((entry) => entry.holder !== undefined);
  }

  #digest(): void {
    for (const { entry, observation } of this.#seen.splice(0)) entry.observe(observation, this.session.lease.id);
    const fields = this.#entry.takeEdits();
    if (fields.length > 0) this.#status.amended(fields);
    this.#derive();
    const held = this.#held;
    if (held) this.#status.superseded(held.key);
  }

  /** What the first entry says, the others say, too. */
  #derive(): void {
    const { instance } = this.#entry.wanted;
    for (const entry of this.#derived)
      if (entry.wanted.instance !== instance) entry.want({ ...entry.wanted, instance });
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

  async #write(entry: OwnEntry, lease: string): Promise<void> {
    const { restoring: reason } = entry;
    const done = await entry.write(lease);
    this.#watch(entry, done);
    if (done.written && reason) this.#status.restored(reason);
  }

  /** Watches the key that the entry has now, and no other one of it. */
  #watch(entry: OwnEntry, { key, revision, written }: Written): void {
    if (this.#ending.signal.aborted) return;
    this.#watched.set(key, entry);
    this.session.own.add(key, revision, (observation) => {
      this.#seen.push({ entry, observation });
      this.#wake.call();
    });
    if (written) for (const [other, its] of this.#watched) if (its === entry && other !== key) this.#unwatch(other);
  }

  #unwatch(key: string): void {
    this.#watched.delete(key);
    this.session.own.delete(key);
  }

  /** From here on, nothing that others write is heeded. */
  async #release(): Promise<void> {
    this.#ending.abort();
    for (const key of this.#watched.keys()) this.#unwatch(key);
    this.#status.releasing();
    // Goes on by itself where it takes longer, for as long as the session and thereby the lease live.
    const left = this.#working.then(() => this.#leave()).finally(this.#go);
    const answer = await within(this.session.context.time, LEAVE_MS, left).catch(() => LATE);
    await this.session.leave(this);
    this.#status.released(answer === LATE ? LEAVE_MS : undefined);
    this.#finishUpdates();
  }

  /** What was derived goes first: who reads it as well must not find it where the entry that says more has left. */
  async #leave(): Promise<void> {
    for (const entry of this.#entries.toReversed()) await leave(this.session, entry);
  }
}

function placeOf(context: EtcdContext): ClaimPlace {
  const { name, emit } = context;
  const words = { store: 'etcd', claim: 'lease' };
  return { name, emit, words, unreachable: (cause, remedy) => unreachable(context, cause, remedy) };
}
