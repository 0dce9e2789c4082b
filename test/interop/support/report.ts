/** What calls came to. */
export interface Report {
  /** Who answered how many; of a stream, each message counts. */
  readonly tally: Readonly<Record<string, number>>;
  /** How many calls failed with which status and message. */
  readonly failed: Readonly<Record<string, number>>;
}

/** Only what a report says, of an answer that says more. */
export function sameTally({ tally, failed }: Report): Report {
  return { tally, failed };
}

/** Counts as calls end. */
export class Counter {
  readonly #tally: Record<string, number> = {};
  readonly #failed: Record<string, number> = {};

  async count(call: () => Promise<readonly string[]>): Promise<void> {
    try {
      for (const name of await call()) this.#tally[name] = (this.#tally[name] ?? 0) + 1;
    } catch (error) {
      this.#failed[String(error)] = (this.#failed[String(error)] ?? 0) + 1;
    }
  }

  get report(): Report {
    return { tally: { ...this.#tally }, failed: { ...this.#failed } };
  }
}
