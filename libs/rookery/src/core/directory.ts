import { apply, type ServiceChange, type ServiceDelta, type ServiceState } from './change.js';
import { Backoff } from './backoff.js';
import { RookeryError } from './errors.js';
import type { EventSink } from './event.js';
import type { Registry } from './registry.js';
import { pause, type Random, type Time } from './time.js';
import { PENDING, type ServiceView } from './view.js';

/** Hears the effective deltas of one answer of the registry; none where only the status of the view changed. */
export type ViewListener = (deltas: readonly ServiceDelta[]) => void;

/** A client's shared, self-healing knowledge: one watch per service, however many clients use it. */
export interface Directory extends AsyncDisposable {
  readonly registry: Registry;
  /** The services that are watched. */
  services(): Iterable<string>;
  view(service: string): ServiceView;
  /** Starts the watch if there is none; the current view is `view(service)`. */
  subscribe(service: string, listener: ViewListener): Disposable;
}

export interface DirectoryOptions {
  readonly time: Time;
  readonly random: Random;
  readonly emit?: EventSink;
  /** How long a watch outlives its last subscriber, ms; default 60 000. */
  readonly lingerMs?: number;
}

/** Codes of errors that no retry can heal. */
const FATAL = new Set<string>([
  'ROOKERY_NAME_INVALID',
  'ROOKERY_REGISTRY_CLOSED',
  'ROOKERY_REGISTRY_INSECURE',
  'ROOKERY_OPTION_INVALID',
]);

export function createDirectory(registry: Registry, options: DirectoryOptions): Directory {
  return new RegistryDirectory(registry, options);
}

class RegistryDirectory implements Directory {
  readonly #watches = new Map<string, ServiceWatch>();

  constructor(
    readonly registry: Registry,
    private readonly options: DirectoryOptions,
  ) {}

  services(): Iterable<string> {
    return this.#watches.keys();
  }

  view(service: string): ServiceView {
    return this.#watches.get(service)?.view ?? PENDING;
  }

  subscribe(service: string, listener: ViewListener): Disposable {
    let watch = this.#watches.get(service);
    if (!watch) {
      watch = new ServiceWatch(service, this.registry, this.options, () => this.#watches.delete(service));
      this.#watches.set(service, watch);
    }
    return watch.join(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#watches.values()].map((watch) => watch.end()));
  }
}

/** The watch of one service: folds what the registry says, and starts again for ever when it breaks. */
class ServiceWatch {
  view: ServiceView = PENDING;
  readonly #state: ServiceState = { instances: new Map(), route: undefined };
  readonly #listeners = new Set<ViewListener>();
  readonly #abort = new AbortController();
  readonly #backoff: Backoff;
  readonly #running: Promise<void>;
  #revision = 0;
  #linger: Disposable | undefined;

  constructor(
    private readonly service: string,
    private readonly registry: Registry,
    private readonly options: DirectoryOptions,
    private readonly onEnd: () => void,
  ) {
    this.#backoff = new Backoff(options.random);
    this.#running = this.#run();
  }

  join(listener: ViewListener): Disposable {
    // A wrapper, so that one function may join twice.
    const own: ViewListener = (deltas) => listener(deltas);
    this.#linger?.[Symbol.dispose]();
    this.#listeners.add(own);
    return {
      [Symbol.dispose]: () => {
        if (!this.#listeners.delete(own) || this.#listeners.size > 0) return;
        this.#linger = this.options.time.after(this.options.lingerMs ?? 60_000, () => void this.end());
      },
    };
  }

  end(): Promise<void> {
    this.#linger?.[Symbol.dispose]();
    this.#abort.abort();
    this.onEnd();
    return this.#running;
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
    const deltas = batch.flatMap((change) => apply(this.#state, change));
    const live = this.view.status === 'known' && this.view.staleSince === undefined;
    if (deltas.length === 0 && live) return;
    this.#revision += deltas.length;
    this.view = {
      status: 'known',
      instances: this.#state.instances,
      route: this.#state.route,
      revision: this.#revision,
    };
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

  /** Marks the view, waits, and says whether another try makes sense. */
  async #broken(error: unknown): Promise<boolean> {
    if (error instanceof RookeryError && FATAL.has(error.code)) {
      this.view = { status: 'failed', error };
      this.options.emit?.({ type: 'view.failed', service: this.service, error });
      this.#notify([]);
      return false;
    }
    const retryInMs = this.#backoff.next();
    if (this.view.status === 'known' && this.view.staleSince === undefined) {
      this.view = { ...this.view, staleSince: this.options.time.now() };
    }
    this.options.emit?.({ type: 'view.stale', service: this.service, error, retryInMs });
    this.#notify([]);
    await pause(this.options.time, retryInMs, this.#abort.signal);
    return true;
  }

  #notify(deltas: readonly ServiceDelta[]): void {
    for (const listener of this.#listeners) listener(deltas);
  }
}
