/** How it stands with the first registration of a server. Accepted, and failed, are for good. */
type State = 'waiting' | 'published' | 'accepted' | 'failed';

/** Whether a server has been handed to the registry, or never will be. */
export class Publication {
  readonly #first: Promise<void>;
  #resolve!: () => void;
  #state: State = 'waiting';
  #error: unknown;

  constructor() {
    this.#first = new Promise((resolve) => (this.#resolve = resolve));
  }

  /** @param accepted resolves when the registry has it; from then on nothing can fail any more */
  published(accepted: Promise<void>): void {
    if (this.#state === 'waiting') this.#state = 'published';
    this.#resolve();
    const accept = () => void (this.#state === 'published' && (this.#state = 'accepted'));
    accepted.then(accept, () => undefined);
  }

  /** Unless it has succeeded, or failed for another reason before. */
  fail(error: unknown): void {
    if (this.#state !== 'waiting' && this.#state !== 'published') return;
    this.#state = 'failed';
    this.#error = error;
    this.#resolve();
  }

  /** Resolves once it is published; rejects with why it never will be. */
  async done(): Promise<void> {
    await this.#first;
    if (this.#state === 'failed') throw this.#error;
  }
}
