import { apply, type ServiceChange, type ServiceDelta, type ServiceState } from '../../core/change.js';
import type { ServiceInstance } from '../../core/instance.js';
import type { Registry } from '../../core/registry.js';
import type { GroupRoute } from '../../core/route.js';
import { eventually } from '../eventually.js';

/** Watches one service and keeps all that it hears. */
export class Observer {
  readonly batches: (readonly ServiceChange[])[] = [];
  readonly deltas: ServiceDelta[] = [];
  /** How many instances there were after each batch. */
  readonly counts: number[] = [];
  error: unknown;
  ended = false;
  readonly #state: ServiceState = { instances: new Map(), route: undefined };
  readonly #abort = new AbortController();
  readonly #running: Promise<void>;

  constructor(registry: Registry, service: string) {
    this.#running = this.#run(registry, service);
  }

  get instances(): ServiceInstance[] {
    return [...this.#state.instances.values()];
  }

  get route(): GroupRoute | undefined {
    return this.#state.route;
  }

  get ids(): string[] {
    return [...this.#state.instances.keys()];
  }

  /** The instances, once they satisfy `check`, which throws until then. */
  async until(check: (instances: ServiceInstance[]) => void): Promise<void> {
    await eventually(() => {
      if (this.error) throw this.error;
      check(this.instances);
    });
  }

  /** The first batch has come. */
  async ready(): Promise<this> {
    await this.until(() => {
      if (this.batches.length === 0) throw new Error('the watch has not said anything');
    });
    return this;
  }

  abort(): void {
    this.#abort.abort();
  }

  async stop(): Promise<void> {
    this.abort();
    await this.#running;
  }

  async #run(registry: Registry, service: string): Promise<void> {
    try {
      for await (const batch of registry.watch(service, this.#abort.signal)) {
        this.batches.push(batch);
        this.deltas.push(...batch.flatMap((change) => apply(this.#state, change)));
        this.counts.push(this.#state.instances.size);
      }
    } catch (error) {
      this.error = error;
    }
    this.ended = true;
  }
}
