import type { ServiceDelta } from './change.js';
import type { CallRecord, Outcome, PickResult } from './call.js';
import type { Directory } from './directory.js';
import { CallChooser } from './call-chooser.js';
import { CoarseClock } from './coarse-clock.js';
import { withoutAddresses } from './call-failure.js';
import { Ejection } from './ejection.js';
import { ejectionSettings, type EjectionOptions } from './ejection-options.js';
import { HOPELESS, type Connection, type Endpoint, type EndpointState } from './endpoint.js';
import { EndpointTable } from './endpoint-table.js';
import type { EventSink } from './event.js';
import type { ExplainedCall } from './explain.js';
import { GroupPools } from './group-pools.js';
import { ANY_GROUP, type ServiceInstance } from './instance.js';
import type { PickerFactory } from './picker.js';
import { weighted } from './pickers/weighted.js';
import { QUARANTINE_MS } from './quarantine.js';
import { RetryRule, type Retry } from './retry.js';
import { DEFAULT_SUBSET } from './subset.js';
import { Suspicion } from './suspicion.js';
import type { Random, Time } from './time.js';
import { WarmUp } from './warm-up.js';

/** One per channel: owns the endpoints of a service and answers who takes a call. */
export interface Balancer {
  pick(call: CallRecord): PickResult<Endpoint>;
  /** Some endpoint is ready, or may yet be. */
  readonly state: 'ready' | 'connecting' | 'failed';
  /** Hears when a waiting call could fare differently. */
  onChange(listener: () => void): Disposable;
  /** The transport tells what became of an endpoint's connection. Takes effect before it returns. */
  report(endpoint: Endpoint, state: EndpointState, error?: string): void;
  /** The other side says that it takes no new calls, whatever the registry holds. */
  reportDraining(endpoint: Endpoint): void;
  /** The other side has no health service; it counts as healthy, and this says so. */
  reportUnchecked(endpoint: Endpoint): void;
  /** An attempt of a call runs on the endpoint. */
  callStarted(endpoint: Endpoint, call: CallRecord): void;
  /** It has ended; says whether the call is to be sent again. */
  callEnded(endpoint: Endpoint, call: CallRecord, outcome: Outcome): boolean;
  endpoints(): IterableIterator<Endpoint>;
  close(): void;
}

export interface BalancerOptions {
  readonly service: string;
  readonly directory: Directory;
  /** Opens the connection of an endpoint; it reports to the balancer, never before `connect` has returned. */
  readonly connect: (endpoint: Endpoint) => Connection;
  readonly time: Time;
  readonly random: Random;
  /** Default `weighted`. */
  readonly picker?: PickerFactory;
  /** Default 60 000. */
  readonly quarantineMs?: number | undefined;
  /** Default `'idempotent'`. */
  readonly retry?: Retry | 'own' | undefined;
  /** Default on. */
  readonly ejection?: false | EjectionOptions | undefined;
  /** Default 0: none. */
  readonly warmUpMs?: number | undefined;
  /** To how many instances of each group it connects (see `Subset`); Infinity = all. Default 200; all by key. */
  readonly subset?: number | undefined;
  /** The zone whose instances it prefers (see `ZonePreference`). Default none. */
  readonly zone?: string | undefined;
  /** What explanations call the client. */
  readonly name?: string | undefined;
  /** The groups that the client names, which its calls bring along; only for explanations. */
  readonly groups?: readonly string[] | undefined;
  readonly emit?: EventSink;
}

export function createBalancer(options: BalancerOptions): Balancer {
  return new ServiceBalancer(options);
}

class ServiceBalancer implements Balancer {
  readonly #pools: GroupPools;
  readonly #table: EndpointTable;
  readonly #suspicion: Suspicion;
  readonly #ejection: Ejection | undefined;
  readonly #warmUp: WarmUp | undefined;
  readonly #chooser: CallChooser;
  readonly #clock = new CoarseClock();
  readonly #retry: RetryRule;
  readonly #listeners = new Set<() => void>();
  readonly #subscription: Disposable;

  constructor(private readonly options: BalancerOptions) {
    const picker: PickerFactory = options.picker ?? weighted;
    const { time, random, quarantineMs = QUARANTINE_MS, ejection, warmUpMs = 0 } = options;
    const { service, zone, emit = () => {} } = options;
    // Clients that choose by key agree only where they choose among the same.
    const { subset = picker.hashKey ? Infinity : DEFAULT_SUBSET } = options;
    const pools = (this.#pools = new GroupPools({
      picker,
      random,
      zone,
      overfull: (pool) => this.#ejection?.trim(pool),
      panicked: (group, instances) => this.#ejection?.panicked(group, instances),
    }));
    if (ejection !== false)
      this.#ejection = new Ejection({ ...ejectionSettings(ejection), service, time, random, pools, emit });
    if (warmUpMs > 0) this.#warmUp = new WarmUp({ time, ms: warmUpMs, place: (endpoint) => pools.place(endpoint) });
    this.#table = new EndpointTable({
      time,
      clock: this.#clock,
      random,
      quarantineMs,
      subset,
      connect: options.connect,
      pools,
      onJoin: (endpoint, before) => this.#joined(endpoint, before),
      onDrop: (endpoint) => this.#dropped(endpoint),
      onConnect: (endpoint) => this.#tell(endpoint, 'idle'),
      onIdle: (endpoint, previous) => {
        this.#suspicion.forget(endpoint);
        this.#tell(endpoint, previous);
      },
    });
    this.#suspicion = new Suspicion({
      time,
      others: (silent) => this.#othersThan(silent),
      accuse: (endpoint) => this.#accuse(endpoint),
    });
    this.#retry = new RetryRule(options.retry ?? 'idempotent', time);
    this.#chooser = new CallChooser({
      ...options,
      pools,
      clock: this.#clock,
      endpoints: () => this.#table.values(),
      changed: () => this.#changed(),
    });
    const explainer = { explain: (call: ExplainedCall) => this.#chooser.explain(call) };
    this.#subscription = options.directory.subscribe(options.service, (deltas) => this.#follow(deltas), explainer);
    const view = this.#view;
    if (view.status !== 'known') return;
    this.#table.setAll(view.instances.values());
    this.#warmUp?.begin();
  }

  get state(): 'ready' | 'connecting' | 'failed' {
    if (this.#pools.usable > 0) return 'ready';
    return this.#view.status === 'pending' || this.#pools.hopeful > 0 ? 'connecting' : 'failed';
  }

  get #view() {
    return this.options.directory.view(this.options.service);
  }

  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  pick(call: CallRecord): PickResult<Endpoint> {
    return this.#chooser.pick(call);
  }

  report(endpoint: Endpoint, state: EndpointState, error?: string): void {
    if (!this.#pools.has(endpoint) || !endpoint.connection) return;
    this.#take(endpoint, state, error);
    // Last: who is ejected may be let go, and be gone.
    if (endpoint.connection) this.#ejection?.reported(endpoint, state);
  }

  #take(endpoint: Endpoint, state: EndpointState, error: string | undefined): void {
    const { suspect, draining } = endpoint;
    endpoint.suspect = false;
    if (state === 'ready') this.#warmUp?.ready(endpoint);
    if (suspect && state === 'ready') this.#suspicion.clear(endpoint);
    // What the registry does not know is not connected to again: the address may be somebody else's by then.
    const gone = state === 'impostor' || !endpoint.connection?.connected;
    if (endpoint.quarantined && gone && this.#table.endHold(endpoint)) return this.#changed();
    // What failed or is unhealthy stays so while it tries again: calls do not wait for what could not serve just now.
    const trying = state === 'connecting' || state === 'verifying';
    const stays = trying && HOPELESS.includes(endpoint.state) && endpoint.state !== 'impostor';
    const shown = stays ? endpoint.state : state;
    // It was the connection that said so, and it is gone.
    if (state === 'connecting' || state === 'failed' || state === 'impostor') {
      endpoint.draining = false;
      endpoint.connections += 1;
    }
    if (error !== undefined) endpoint.error = this.#chooser.lastError = withoutAddresses(error);
    if (shown === endpoint.state) {
      if ((suspect || draining !== endpoint.draining) && this.#pools.place(endpoint)) this.#changed();
      return;
    }
    if (shown === 'ready') {
      endpoint.error = this.#chooser.lastError = undefined;
      if (HOPELESS.includes(endpoint.state)) endpoint.forgive();
    }
    const previous = endpoint.state;
    endpoint.state = shown;
    // Whoever listens is told as it was said, with addresses: it names the instance, too.
    this.#tell(endpoint, previous, shown === 'ready' ? undefined : (error ?? endpoint.error));
    if (this.#pools.place(endpoint)) this.#changed();
  }

  reportDraining(endpoint: Endpoint): void {
    if (endpoint.draining || !this.#pools.has(endpoint)) return;
    endpoint.draining = true;
    if (this.#pools.place(endpoint)) this.#changed();
  }

  reportUnchecked(endpoint: Endpoint): void {
    const { id, address, service } = endpoint.instance;
    if (this.#pools.has(endpoint)) this.options.emit?.({ type: 'health.unchecked', service, id, address });
  }

  *endpoints(): IterableIterator<Endpoint> {
    yield* this.#table.values();
  }

  callStarted(endpoint: Endpoint, call: CallRecord): void {
    this.#retry.started(call);
    endpoint.callStarted(call);
    this.#suspicion.watch(endpoint);
  }

  callEnded(endpoint: Endpoint, call: CallRecord, outcome: Outcome): boolean {
    this.#clock.reach(outcome.at ?? this.options.time.now());
    endpoint.callEnded(call, outcome);
    this.#ejection?.callEnded(endpoint, call, outcome);
    return this.#retry.ended(call, endpoint, outcome, call.waitForReady === true || this.#hasOthers(call, endpoint));
  }

  /** Whether anybody else may take the call, so far as is known without choosing. */
  #hasOthers({ groups, clientGroups, skip }: CallRecord, endpoint: Endpoint): boolean {
    const [group, another] = groups ?? clientGroups ?? [];
    const only = group === undefined || another !== undefined || group === ANY_GROUP ? undefined : group;
    const usable = (only === undefined ? this.#pools : this.#pools.get(only))?.usable ?? 0;
    return usable > (endpoint.state === 'ready' && !skip?.(endpoint) ? 1 : 0);
  }

  close(): void {
    this.#subscription[Symbol.dispose]();
    this.#chooser.close();
    this.#listeners.clear();
    // First, or it would tell of those that others leave behind.
    this.#ejection?.close();
    this.#warmUp?.close();
    this.#table.close();
    this.#suspicion.close();
  }

  #tell({ instance, state }: Pick<Endpoint, 'instance' | 'state'>, previous: EndpointState, error?: string): void {
    const { id, address, service } = instance;
    this.options.emit?.({ type: 'endpoint.changed', service, id, address, state, previous, error });
  }

  #follow(deltas: readonly ServiceDelta[]): void {
    const instances = this.#table.follow(deltas);
    if (instances > 0) this.options.emit?.({ type: 'view.protected', service: this.options.service, instances });
    if (this.#view.status === 'known') this.#warmUp?.begin();
    this.#changed();
  }

  #joined(endpoint: Endpoint, before?: ServiceInstance): void {
    // Another process: nothing of what the one before it did is known of it.
    if (before) endpoint.forgive();
    if (before) this.#ejection?.replaced(endpoint, before);
    this.#warmUp?.joined(endpoint);
  }

  #dropped(endpoint: Endpoint): void {
    this.#suspicion.forget(endpoint);
    this.#ejection?.forget(endpoint);
    this.#warmUp?.forget(endpoint);
    // Whoever counts connections by what they are must not count it for ever.
    const { instance, state } = endpoint;
    if (state !== 'idle') this.#tell({ instance, state: 'idle' }, state);
  }

  *#othersThan(silent: ReadonlySet<Endpoint>): Iterable<Endpoint> {
    for (const endpoint of this.#table.values())
      if (endpoint.state === 'ready' && !endpoint.suspect && !silent.has(endpoint)) yield endpoint;
  }

  /** It is silent while others answer. */
  #accuse(endpoint: Endpoint): void {
    if (!endpoint.connection?.inquire()) return;
    const { id, address, service } = endpoint.instance;
    endpoint.suspect = true;
    this.options.emit?.({ type: 'endpoint.suspect', service, id, address });
    if (this.#pools.place(endpoint)) this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
