/** Whether a server that registers by itself has been published, or never will be. */
export class Publication {
  readonly done: Promise<void>;
  error: unknown;
  #resolve!: () => void;

  constructor() {
    this.done = new Promise((resolve) => (this.#resolve = resolve));
  }

  /** Published where there is no error; an error after that counts, too. */
  end(error?: unknown): void {
    this.error = error;
    this.#resolve();
  }
}
