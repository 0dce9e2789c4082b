import { Backoff } from '../../core/backoff.js';
import type { ServiceInstance } from '../../core/instance.js';
import type { InstanceChange, Registration, RegistrationState } from '../../core/registration.js';
import { LATE, within, pause } from '../../core/time.js';
import { ShownRegistration } from '../shown-registration.js';
import { Wake } from '../etcd/wait.js';
import { amend } from '../etcd/wanted.js';
import { ClaimStatus } from './claim-status.js';
import type { Connection } from './connection.js';
import type { ZooKeeperContext } from './context.js';
import { leave } from './leave.js';
import { OwnEntry } from './own-entry.js';

/** How long a release may take to write `draining` and to delete, ms. */
const LEAVE_MS = 2000;
/** An entry that stood untouched for this long is restored at once again, ms. */
const CALM_MS = 60_000;
/** How often we look again at once at what somebody writes while we write it. */
const TRIES = 5;

/** What a claim needs of the session that it belongs to. */
export interface ClaimSession {
  readonly context: ZooKeeperContext;
  /** The connection that serves the session now; none while there is none. */
  readonly connection: Connection | undefined;
  readonly ended: AbortSignal;
  /** Resolves once the session has done what is left to do without this claim. */
  leave(claim: Claim): Promise<void>;
}

/** One registration: a loop that makes the entry in ZooKeeper what it should be, one write at a time. */
export class Claim extends ShownRegistration implements Registration {
  /** Resolves when nothing of it can be written any more. */
  readonly gone: Promise<void>;
  readonly id: string;
  #go!: () => void;
  readonly #status: ClaimStatus;
  readonly #entry: OwnEntry;
  /** We do not know what stands there: nobody has looked since something happened, or since the connection was made. */
  #unseen = true;
  /** How often in a row somebody else was faster. */
  #beaten = 0;
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
    this.id = instance.id;
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

  /** @param after until earlier claims of the same entry are gone */
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

  /** There is a connection to write over; what was watched over another one is watched no more. */
  attached(): void {
    this.#unseen = true;
    this.#wake.call();
  }

  /** Something happened at a path. */
  touched(path: string): void {
    if (!this.#entry.watched.has(path)) return;
    this.#unseen = true;
    this.#wake.call();
  }

  sessionLost(error: unknown): void {
    // Nobody spoilt the entry, it went with its session: putting it back need not wait, nor is it held against anybody.
    this.#entry.forgetRestore();
    this.#calmAt = -Infinity;
    this.#holding?.abort();
    this.troubled(error);
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
        if (!(await this.#step(signal))) continue;
        failures = 0;
        backoff.reset();
      } catch (error) {
        failures += 1;
        // One that fails is nothing: the next one may have another connection.
        if (failures > 1) this.troubled(error);
        await pause(time, backoff.next(), signal);
      }
    }
  }

  /**
   * Looks where there is something to see, writes where there is something to write, else waits until there may be.
   * @returns whether all was well: who may read but not write has not been successful yet
   */
  async #step(signal: AbortSignal): Promise<boolean> {
    const { connection } = this.session;
    if (connection && this.#unseen) return this.#look(connection);
    if (connection && this.#entry.isDue(connection.ticket.id)) {
      return !(await this.#heldBack()) && this.#write(connection);
    }
    if (connection && !this.#entry.held) this.#settle();
    await this.#wake.wait(signal);
    return connection !== undefined;
  }

  async #look(connection: Connection): Promise<false> {
    this.#unseen = false;
    try {
      await this.#entry.look(connection);
    } catch (error) {
      this.#unseen = true;
      throw error;
    }
    const fields = this.#entry.takeEdits();
    if (fields.length > 0) this.#status.amended(fields);
    if (this.#entry.held) this.#status.superseded(this.#entry.path);
    return false;
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

  async #write(connection: Connection): Promise<boolean> {
    const { restoring: reason } = this.#entry;
    // Also where it succeeds: from now on it is watched as it is.
    this.#unseen = true;
    const written = await this.#entry.write(connection);
    this.#beaten = written ? 0 : this.#beaten + 1;
    if (written && reason) this.#status.restored(reason);
    if (this.#beaten > TRIES) throw new Error(`somebody else keeps writing ${this.#entry.path}`);
    return written;
  }

  /** From here on, nothing that others write is heeded. */
  async #release(): Promise<void> {
    this.#ending.abort();
    this.#status.releasing();
    // Goes on by itself where it takes longer, for as long as the session lives.
    const left = this.#working.then(() => leave(this.session, this.#entry)).finally(this.#go);
    const answer = await within(this.session.context.time, LEAVE_MS, left).catch(() => LATE);
    await this.session.leave(this);
    this.#status.released(answer === LATE ? LEAVE_MS : undefined);
    this.#finishUpdates();
  }
}
