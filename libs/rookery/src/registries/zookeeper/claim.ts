import { Backoff } from '../../core/backoff.js';
import type { ServiceInstance } from '../../core/instance.js';
import type { InstanceChange, Registration, RegistrationState } from '../../core/registration.js';
import { LATE, within, pause } from '../../core/time.js';
import { ShownRegistration } from '../shown-registration.js';
import { Wake } from '../entry/wait.js';
import { amend } from '../entry/wanted.js';
import { ClaimStatus, type ClaimPlace } from '../entry/claim-status.js';
import { RestorePace } from '../entry/restore-pace.js';
import type { Connection } from './connection.js';
import type { ZooKeeperContext } from './context.js';
import { unreachable } from './faults.js';
import { leave } from './leave.js';
import { OwnEntry } from './own-entry.js';

/** How long a release may take to write `draining` and to delete, ms. */
const LEAVE_MS = 2000;
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
  readonly #pace: RestorePace;
  readonly #updates = new Set<() => void>();
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
    this.#pace.forgive();
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
      return !(await this.#pace.held(this.#entry, signal)) && this.#write(connection);
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

function placeOf(context: ZooKeeperContext): ClaimPlace {
  const { name, emit } = context;
  const words = { store: 'ZooKeeper', claim: 'session' };
  return { name, emit, words, unreachable: (cause, remedy) => unreachable(context, cause, remedy) };
}
