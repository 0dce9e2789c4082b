import { Backoff } from '../../core/backoff.js';
import { RookeryError } from '../../core/errors.js';
import type { ServiceInstance } from '../../core/instance.js';
import type { InstanceChange, Registration, RegistrationState } from '../../core/registration.js';
import { LATE, within, pause } from '../../core/time.js';
import { ShownRegistration } from '../shown-registration.js';
import { ClaimStatus, superseded, type ClaimPlace } from '../entry/claim-status.js';
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
  /** Of the derived entries that cannot be written. */
  readonly #retry: Backoff;
  readonly #hindered = new Map<OwnEntry, string>();
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
    this.#retry = new Backoff(context.random, { baseMs: 200 });
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
    const { instance } = this.#entry.check(wanted);
    for (const entry of this.#derived) entry.check({ ...entry.wanted, instance });
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
    for (const entry of this.#entries) entry.forgive();
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
        const waitMs = await this.#step();
        failures = 0;
        backoff.reset();
        if (waitMs > 0) await this.#wake.wait(signal, waitMs < Infinity ? { time, ms: waitMs } : undefined);
      } catch (error) {
        failures += 1;
        // One that fails is nothing: the next one goes to another host.
        if (failures > 1) this.troubled(error);
        await pause(time, backoff.next(), signal);
      }
    }
  }

  /**
   * Writes what there is to write, whoever must not be found first; what cannot be written for others is in nobody's way.
   * @returns how long there may be nothing to do, ms: 0 where there may be more at once
   */
  async #step(): Promise<number> {
    this.#digest();
    const { lease } = this.session;
    const { id } = lease;
    if (id === undefined) return Infinity;
    let waitMs = Infinity;
    const due = this.#entries.filter((entry) => entry.isDue(id));
    for (const entry of due.toSorted((a, b) => Number(a.isShown) - Number(b.isShown))) {
      const delay = entry.delay();
      const written = delay === 0 && !this.#ending.signal.aborted && (await this.#try(entry, id));
      if (written) waitMs = 0;
      else waitMs = Math.min(waitMs, delay || this.#retry.next());
    }
    if (waitMs > 0 && !this.#entry.isDue(id) && this.#entry.holder === undefined && lease.healthy) this.#settle();
    return waitMs;
  }

  /** @returns whether it was written, or may be tried at once again */
  async #try(entry: OwnEntry, lease: string): Promise<boolean> {
    try {
      await this.#write(entry, lease);
      this.#hindered.delete(entry);
      if (this.#hindered.size === 0) this.#retry.reset();
      return true;
    } catch (error) {
      if (isLeaseGone(error)) this.session.lease.gone(lease, error);
      else if (entry === this.#entry) throw error;
      else this.#hinder(entry, unreachable(this.session.context, error));
      return isLeaseGone(error);
    }
  }

  /** Tells once of an entry that does not stand where it should. */
  #hinder(entry: OwnEntry, error: RookeryError): void {
    if (this.#hindered.get(entry) === error.code) return;
    this.#hindered.set(entry, error.code);
    const { service, id } = this.instance;
    this.session.context.emit({ type: 'entry.unwritten', service, id, place: entry.key, error });
  }

  get #entries(): readonly OwnEntry[] {
    return [this.#entry, ...this.#derived];
  }

  #digest(): void {
    for (const { entry, observation } of this.#seen.splice(0)) entry.observe(observation, this.session.lease.id);
    const fields = this.#entry.takeEdits();
    if (fields.length > 0) this.#status.amended(fields);
    this.#derive();
    if (this.#entry.holder !== undefined) this.#status.superseded(this.#entry.key);
    for (const entry of this.#derived) if (entry.holder !== undefined) this.#hinder(entry, superseded(entry.key));
  }

  /** What the first entry says, the others say, too. */
  #derive(): void {
    const { instance } = this.#entry.wanted;
    for (const entry of this.#derived) {
      if (entry.wanted.instance === instance) continue;
      try {
        entry.want({ ...entry.wanted, instance });
      } catch (error) {
        // An operator's words, or somebody's fields beside ours, may be too many for it.
        this.#hinder(entry, unreachable(this.session.context, error));
      }
    }
  }

  /** Everything is as it should be, but for what was told. */
  #settle(): void {
    if (!this.#entries.some(({ isShown }) => isShown)) this.#hinder(this.#entry, hidden(this.#entry));
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
    const left = this.#working.then(() => leave(this.session, this.#entry, this.#derived)).finally(this.#go);
    const answer = await within(this.session.context.time, LEAVE_MS, left).catch(() => LATE);
    await this.session.leave(this);
    this.#status.released(answer === LATE ? LEAVE_MS : undefined);
    this.#finishUpdates();
  }
}

function placeOf(context: EtcdContext): ClaimPlace {
  const { name, emit } = context;
  const words = { store: 'etcd', claim: 'lease' };
  return { name, emit, words, unreachable: (cause, remedy) => unreachable(context, cause, remedy) };
}

/** No dialect that is written may show the instance to its clients. */
function hidden({ key, dialect, wanted }: OwnEntry): RookeryError {
  const { group, weight, status } = wanted.instance;
  return new RookeryError('ROOKERY_ENTRY_HIDDEN', {
    path: key,
    found: `clients of ${dialect.name} cannot leave an instance alone that has group "${group}", weight ${weight} and status ${status}.`,
    remedy: "Nothing of it stands in etcd. Write our own dialect, too: etcd({ write: ['rookery', …] }).",
  });
}
