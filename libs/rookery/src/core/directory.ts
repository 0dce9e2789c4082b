import { apply, type ServiceChange, type ServiceDelta, type ServiceState } from './change.js';
import { Backoff } from './backoff.js';
import { RookeryError } from './errors.js';
import type { EventSink } from './event.js';
import {
  checkExplainCall,
  explainService,
  type ChannelExplainer,
  type ChannelReport,
  type ExplainCall,
  type ExplainedCall,
  type ServiceExplanation,
} from './explain.js';
import { checkName } from './instance.js';
import type { Registry } from './registry.js';
import { pause, within, type Random, type Time } from './time.js';
import { ColdStart, type ViewCache, type ViewSnapshot } from './view-cache.js';
import { PENDING, type ServiceView } from './view.js';

/** Hears the effective deltas of one answer of the registry; none where only the status of the view changed. */
export type ViewListener = (deltas: readonly ServiceDelta[]) => void;

/** A client's shared, self-healing knowledge: one watch per service, however many clients use it. */
export interface Directory extends AsyncDisposable {
  readonly registry: Registry;
  /** The services that are watched. */
  services(): Iterable<string>;
  view(service: string): ServiceView;
  /**
   * Starts the watch if there is none; the current view is `view(service)`.
   * @param channel where it is a channel, which can say what becomes of its calls
   */
  subscribe(service: string, listener: ViewListener, channel?: ChannelExplainer): Disposable;
  /**
   * How the service stands for a call, instance by instance, and why; for people and tools. Starts nothing: a service that
   * nobody watches is `unwatched`. Costs time for each instance: ask when something is asked of you, not for every call.
   * @throws {RookeryError} ROOKERY_NAME_INVALID, ROOKERY_OPTION_INVALID
   */
  explain(service: string, call?: ExplainCall): ServiceExplanation;
}

export interface DirectoryOptions {
  readonly time: Time;
  readonly random: Random;
  readonly emit?: EventSink;
  /** How long a watch outlives its last subscriber, ms; default 60 000. */
  readonly lingerMs?: number;
  /** What views start from while the registry does not answer; default nothing. */
  readonly cache?: ViewCache;
}

/** A cache may take this long for its last writes, ms. */
const FLUSH_MS = 1000;

/** Codes of errors that no retry can heal. */
const FATAL = new Set<string>(['ROOKERY_NAME_INVALID', 'ROOKERY_REGISTRY_CLOSED', 'ROOKERY_OPTION_INVALID']);

export function createDirectory(registry: Registry, options: DirectoryOptions): Directory {
  return new RegistryDirectory(registry, options);
}

class RegistryDirectory implements Directory {
  readonly #watches = new Map<string, ServiceWatch>();
  /** What every view is once the directory is disposed. */
  #closed: ServiceView | undefined;

  constructor(
    readonly registry: Registry,
    private readonly options: DirectoryOptions,
  ) {}

  services(): Iterable<string> {
    return this.#watches.keys();
  }

  view(service: string): ServiceView {
    return this.#closed ?? this.#watches.get(service)?.view ?? PENDING;
  }

  explain(service: string, call: ExplainCall = {}): ServiceExplanation {
    checkName(service, 'service');
    const checked = checkExplainCall(call);
    const watch = this.#watches.get(service);
    const view = this.#closed ?? watch?.view;
    const reports = watch?.reports(checked) ?? new Map<number, ChannelReport>();
    const { registry, options } = this;
    return explainService({ service, registry: registry.name, view, call, reports, now: options.time.now() });
  }

  subscribe(service: string, listener: ViewListener, channel?: ChannelExplainer): Disposable {
    if (this.#closed) return { [Symbol.dispose]: () => {} };
    let watch = this.#watches.get(service);
    if (!watch) {
      const started = new ServiceWatch(service, this.registry, this.options, () => {
        if (this.#watches.get(service) === started) this.#watches.delete(service);
      });
      this.#watches.set(service, (watch = started));
    }
    return watch.join(listener, channel);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = { status: 'failed', error: closed(this.registry.name) };
    await Promise.all([...this.#watches.values()].map((watch) => watch.end()));
    const { cache, time } = this.options;
    if (cache) await within(time, FLUSH_MS, cache.flush());
  }
}

function closed(registry: string): RookeryError {
  return new RookeryError('ROOKERY_REGISTRY_CLOSED', {
    path: registry,
    found: 'the directory was used after it was closed.',
    remedy: 'Keep the application, or the directory, open for as long as calls are made.',
  });
}

/** The watch of one service: folds what the registry says, and starts again for ever when it breaks. */
class ServiceWatch {
  view: ServiceView = PENDING;
  readonly #state: ServiceState = { instances: new Map(), route: undefined };
  readonly #listeners = new Set<ViewListener>();
  readonly #channels = new Map<ViewListener, { readonly number: number; readonly explainer: ChannelExplainer }>();
  #channelsSoFar = 0;
  readonly #abort = new AbortController();
  readonly #backoff: Backoff;
  readonly #running: Promise<void>;
  readonly #cold: ColdStart | undefined;
  #revision = 0;
  /** Whoever went last went by himself. */
  #left = false;
  #linger: Disposable | undefined;

  constructor(
    private readonly service: string,
    private readonly registry: Registry,
    private readonly options: DirectoryOptions,
    private readonly onEnd: () => void,
  ) {
    this.#backoff = new Backoff(options.random);
    const { cache, time } = options;
    if (cache) this.#cold = new ColdStart(cache, service, time, (snapshot) => this.#serveFrom(snapshot));
    this.#running = this.#run();
  }

  reports(call: ExplainedCall): Map<number, ChannelReport> {
    return new Map([...this.#channels.values()].map(({ number, explainer }) => [number, explainer.explain(call)]));
  }

  join(listener: ViewListener, explainer?: ChannelExplainer): Disposable {
    // A wrapper, so that one function may join twice.
    const own: ViewListener = (deltas) => listener(deltas);
    this.#linger?.[Symbol.dispose]();
    this.#listeners.add(own);
    if (explainer) this.#channels.set(own, { number: (this.#channelsSoFar += 1), explainer });
    return {
      [Symbol.dispose]: () => {
        this.#channels.delete(own);
        if (!this.#listeners.delete(own) || this.#listeners.size > 0) return;
        this.#linger = this.options.time.after(this.options.lingerMs ?? 60_000, () => void this.end());
      },
    };
  }

  end(): Promise<void> {
    this.#linger?.[Symbol.dispose]();
    this.#cold?.[Symbol.dispose]();
    if (this.#live) this.#keep();
    this.#abort.abort();
    this.onEnd();
    return this.#running;
  }

  /** What the registry says now. */
  get #live(): boolean {
    return this.view.status === 'known' && this.view.staleSince === undefined;
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      try {
        for await (const batch of this.registry.watch(this.service, signal)) {
          if (signal.aborted) return;
          this.#backoff.reset();
          this.#fold(batch);
        }
        if (signal.aborted) return;
        throw new RookeryError('ROOKERY_REGISTRY_UNREACHABLE', {
          path: this.registry.name,
          found: 'the watch ended.',
          remedy: 'Trying again.',
        });
      } catch (error) {
        if (signal.aborted) return;
        if (!(await this.#broken(error))) return;
      }
    }
  }

  #fold(batch: readonly ServiceChange[]): void {
    this.#cold?.[Symbol.dispose]();
    const deltas = batch.flatMap((change) => apply(this.#state, change));
    for (const delta of deltas) if (delta.type === 'removed') this.#left = delta.cause === 'left';
    if (deltas.length === 0 && this.#live) return this.#keep();
    this.#revision += deltas.length;
    this.view = {
      status: 'known',
      instances: this.#state.instances,
      route: this.#state.route,
      revision: this.#revision,
    };
    this.#keep();
    const { emit } = this.options;
    if (emit) {
      for (const delta of deltas) {
        if (delta.type === 'removed')
          emit({ type: 'instance.removed', service: this.service, id: delta.instance.id, cause: delta.cause });
      }
      emit({
        type: 'view.changed',
        service: this.service,
        instances: this.#state.instances.size,
        revision: this.#revision,
      });
    }
    this.#notify(deltas);
  }

  /** What was known when some process last had an answer; the registry's first answer to us is folded over it. */
  #serveFrom({ instances, route, ageMs }: ViewSnapshot): void {
    const deltas = apply(this.#state, { type: 'reset', instances, route });
    this.#revision += deltas.length;
    this.view = {
      status: 'known',
      instances: this.#state.instances,
      route: this.#state.route,
      revision: this.#revision,
      staleSince: this.options.time.now(),
    };
    this.options.emit?.({ type: 'snapshot.used', service: this.service, instances: instances.length, ageMs });
    this.#notify(deltas);
  }

  /** That nobody is there is no start for anybody, unless the last of them left by himself: registries lose their data. */
  #keep(): void {
    if (this.view.status !== 'known' || (this.view.instances.size === 0 && !this.#left)) return;
    this.options.cache?.save(this.service, this.view);
  }

  /** Marks the view, waits, and says whether another try makes sense. */
  async #broken(error: unknown): Promise<boolean> {
    if (error instanceof RookeryError && FATAL.has(error.code) && this.view.status !== 'known') {
      this.#cold?.[Symbol.dispose]();
      this.view = { status: 'failed', error };
      this.options.emit?.({ type: 'view.failed', service: this.service, error });
      this.#notify([]);
      return false;
    }
    if (this.#cold && this.view.status === 'pending') {
      await this.#cold.look();
      if (this.#abort.signal.aborted) return false;
    }
    const retryInMs = this.#backoff.next();
    if (this.view.status === 'known' && this.view.staleSince === undefined) {
      this.view = { ...this.view, staleSince: this.options.time.now() };
    }
    const stale = this.view.status === 'known';
    this.options.emit?.({ type: 'watch.broken', service: this.service, error, retryInMs, stale });
    this.#notify([]);
    await pause(this.options.time, retryInMs, this.#abort.signal);
    return true;
  }

  #notify(deltas: readonly ServiceDelta[]): void {
    for (const listener of this.#listeners) {
      try {
        listener(deltas);
      } catch (error) {
        // What is folded is not told again: one who throws must not keep it from the others.
        this.options.emit?.({ type: 'listener.failed', service: this.service, error });
      }
    }
  }
}
