import { EventHub, type Registry, type ServiceChange } from 'rookery/core';

/** A registry that says what it is given and does nothing else, so that what is measured is whoever listens. */
export class ToldRegistry implements Registry {
  readonly name = 'told:';
  readonly events = new EventHub();
  readonly capabilities = {
    register: false,
    steer: true,
    routes: true,
    push: true,
    lease: false,
    weights: true,
    groups: true,
    propagationMs: 0,
    reach: 'process',
  } as const;
  readonly #batches: (readonly ServiceChange[])[] = [];
  #wake: () => void = () => {};

  /** One batch. */
  tell(...changes: readonly ServiceChange[]): void {
    this.#batches.push(changes);
    this.#wake();
  }

  register(): never {
    throw new Error('it takes no registrations');
  }

  /** For one watcher. */
  async *watch(_service: string, signal: AbortSignal): AsyncIterable<readonly ServiceChange[]> {
    signal.addEventListener('abort', () => this.#wake(), { once: true });
    while (!signal.aborted) {
      const batch = this.#batches.shift();
      if (batch) yield batch;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
