import type { ServiceChange } from '../core/change.js';
import { sameInstance, type ServiceInstance } from '../core/instance.js';
import { ChangeQueue, type ChangeBatch } from './change-queue.js';
import type { ServiceList } from './service-list.js';

type Instances = ReadonlyMap<string, ServiceInstance>;

const NOBODY: Instances = new Map();

/**
 * Those who watch services of one list that is read as a whole, however many they are: it is read while there is
 * anybody. The first answer to each is of a reading that began after he came, or else failed.
 */
export class ListWatches {
  readonly #told = new Map<ChangeQueue, string>();
  readonly #waiting = new Map<ChangeQueue, string>();
  #list: ServiceList | undefined;
  #reading: Disposable | undefined;
  /** The list is what the reading that goes on has found. */
  #fresh = false;

  /** @param read starts to read, again and again, until it is disposed */
  constructor(private readonly read: () => Disposable) {}

  /** The last good list. */
  get list(): ServiceList | undefined {
    return this.#list;
  }

  async *watch(service: string, signal: AbortSignal): AsyncGenerator<ChangeBatch, void> {
    if (signal.aborted) return;
    const queue = new ChangeQueue(signal);
    this.#waiting.set(queue, service);
    this.#reading ??= this.read();
    if (this.#fresh) this.#begin();
    try {
      yield* queue;
    } finally {
      queue.end();
      this.#told.delete(queue);
      this.#waiting.delete(queue);
      if (this.#told.size + this.#waiting.size === 0) this.#stop();
    }
  }

  /** What was read: a reset for those who wait, and what has changed for the others. */
  take(list: ServiceList): void {
    const before = this.#list;
    this.#list = list;
    this.#fresh = true;
    const changes = new Map<string, ChangeBatch>();
    for (const [queue, service] of this.#told) {
      let batch = changes.get(service);
      if (!batch) changes.set(service, (batch = difference(before?.services.get(service), list.services.get(service))));
      queue.push(batch);
    }
    this.#begin();
  }

  /** Nothing could be read: what was known before counts, and where nothing was, those who wait hear the error. */
  fail(error: unknown): void {
    if (this.#list) return this.#begin();
    for (const queue of this.#waiting.keys()) queue.end(error);
  }

  /** Ends all. */
  end(): void {
    for (const queue of [...this.#told.keys(), ...this.#waiting.keys()]) queue.end();
    this.#stop();
  }

  #begin(): void {
    for (const [queue, service] of this.#waiting) {
      queue.push([{ type: 'reset', instances: [...(this.#list?.services.get(service) ?? NOBODY).values()] }]);
      this.#told.set(queue, service);
    }
    this.#waiting.clear();
  }

  #stop(): void {
    this.#reading?.[Symbol.dispose]();
    this.#reading = undefined;
    this.#fresh = false;
  }
}

/** Who is not in the list any more was taken out on purpose. What appears stands before what goes. */
function difference(before: Instances = NOBODY, after: Instances = NOBODY): ServiceChange[] {
  const changed = [...after.values()].filter((instance) => {
    const known = before.get(instance.id);
    return !known || !sameInstance(known, instance);
  });
  const gone = [...before.keys()].filter((id) => !after.has(id));
  return [
    ...changed.map((instance): ServiceChange => ({ type: 'set', instance })),
    ...gone.map((id): ServiceChange => ({ type: 'delete', id, cause: 'left' })),
  ];
}
