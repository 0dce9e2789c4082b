import type { CallRecord, Outcome } from './call.js';
import type { CoarseClock } from './coarse-clock.js';
import type { EjectionReason } from './ejection.js';
import type { ServiceInstance } from './instance.js';
import { Latency } from './latency.js';
import type { Candidate } from './picker.js';
import { Tally } from './tally.js';

/**
 * `idle` is not connected, since the client has enough others (see `Subset`), `connecting` covers everything before the
 * first success, `verifying` is a connection whose other side has not yet said who it is or how it is, `unhealthy` one
 * that does not say that it serves, `impostor` one that said it is somebody else. An endpoint that failed or is unhealthy
 * stays so until it is ready.
 */
export type EndpointState = 'idle' | 'connecting' | 'verifying' | 'ready' | 'unhealthy' | 'failed' | 'impostor';

/** From then on the first call of an endpoint is known to be slow, ms. */
const FIRST_CALL_MS = 1000;

/** What keeps calls from waiting for an endpoint. */
export const HOPELESS: readonly EndpointState[] = ['unhealthy', 'failed', 'impostor'];

/** The link to one endpoint, made by whoever owns the transport. */
export interface Connection {
  /** The entry behind the address changed: the other side may have to be asked again who it is. */
  instanceChanged(previous: ServiceInstance): void;
  /** It is up, whether or not anybody has answered on it. */
  readonly connected: boolean;
  /** Bytes that the other side has sent so far, of whatever kind; nothing where the transport does not tell. */
  readonly received: number | undefined;
  /** Asks the other side at once whether it is there; what comes of it is reported. Says whether it can be asked. */
  inquire(): boolean;
  /** Has the other side send something, of which nothing comes. Says whether it can be had to. */
  prompt(): boolean;
  close(): void;
}

/**
 * One address of a service. Of several entries that name it the newest counts; the others are shadowed. What a client
 * observes of it lives here and survives every update of the registry.
 */
export class Endpoint implements Candidate {
  state: EndpointState = 'idle';
  error: string | undefined;
  /** None while it is idle, or has failed and waits for its turn to try again. */
  connection: Connection | undefined;
  /** What the connection itself said beats the registry: no new calls. */
  draining = false;
  /** The registry has lost its entry, and the connection holds. */
  quarantined = false;
  /** It is silent while others answer: no new calls until it has been asked. */
  suspect = false;
  /** How many connections to it were given up so far: who was asked before one of them is not who is asked after it. */
  connections = 0;
  /** Set aside for its failures until then, monotonic ms: no new calls while its group has others. */
  ejectedUntil: number | undefined;
  /** Why. */
  ejectedFor: EjectionReason | undefined;
  readonly tally = new Tally();
  /** The entry that counts. With its weight a field of its own: every pick reads them, and memory is far away. */
  instance: ServiceInstance;
  /** What counts now, while it warms up; the registry's is that of the instance. */
  weight: number;
  #warmth = 1;
  /** When the first of the unary calls was started that run while none has ended. */
  #askedAt = 0;
  /** Calls that run on it now. */
  running = 0;
  runningUnary = 0;
  /** Calls that were started on it so far. */
  started = 0;
  readonly #latency = new Latency();
  /** Entries that name this address, oldest first; never empty while the endpoint is in use. */
  readonly #entries: ServiceInstance[];

  constructor(
    instance: ServiceInstance,
    private readonly clock: Pick<CoarseClock, 'ms'>,
  ) {
    this.#entries = [instance];
    this.instance = instance;
    this.weight = instance.weight;
  }

  get key(): string {
    return this.address;
  }

  get address(): string {
    return this.instance.address;
  }

  get latencyMs(): number | undefined {
    const now = this.clock.ms;
    return this.#latency.at(now) ?? this.#firstCallMs(now);
  }

  /** A first call that takes long says something before it has ended: nobody else would be sent there until it does. */
  #firstCallMs(now: number): number | undefined {
    const ms = now - this.#askedAt;
    return this.runningUnary > 0 && ms > FIRST_CALL_MS ? ms : undefined;
  }

  /** What part of its weight counts while it warms up, up to 1. */
  get warmth(): number {
    return this.#warmth;
  }

  set warmth(part: number) {
    this.#warmth = part;
    this.weight = this.instance.weight * part;
  }

  callStarted({ unary }: CallRecord): void {
    this.running += 1;
    this.started += 1;
    if (!unary) return;
    if (this.runningUnary === 0) this.#askedAt = this.clock.ms;
    this.runningUnary += 1;
  }

  callEnded({ unary }: CallRecord, outcome: Outcome): void {
    this.running -= 1;
    if (!unary) return;
    this.runningUnary -= 1;
    this.#latency.observe(outcome, this.clock.ms);
  }

  /** It may have healed, or be another process: what is known of its latency would keep calls away for long. */
  forgive(): void {
    this.#latency.forget(this.clock.ms);
  }

  /** The connection holds, and the one behind it is not known to be somebody else. */
  get connected(): boolean {
    return this.state !== 'impostor' && (this.connection?.connected ?? false);
  }

  /** Closes its connection, and forgets what that said. */
  disconnect(): void {
    this.rest();
    this.error = undefined;
    this.state = 'idle';
    this.draining = this.suspect = false;
  }

  /** Closes its connection; it stays what it is. */
  rest(): void {
    this.connection?.close();
    this.connection = undefined;
  }

  /** Takes an entry, newest last; an entry that is known keeps its age. */
  set(instance: ServiceInstance): void {
    const at = this.#entries.findIndex((entry) => entry.id === instance.id);
    if (at < 0) this.#entries.push(instance);
    else this.#entries[at] = instance;
    this.#count();
  }

  /** Drops an entry; the last one stays readable as `instance` until the endpoint is closed. */
  delete(id: string): boolean {
    const at = this.#entries.findIndex((entry) => entry.id === id);
    if (at < 0) return false;
    if (this.#entries.length === 1) return true;
    this.#entries.splice(at, 1);
    this.#count();
    return false;
  }

  #count(): void {
    this.instance = this.#entries[this.#entries.length - 1]!;
    this.weight = this.instance.weight * this.#warmth;
  }
}
