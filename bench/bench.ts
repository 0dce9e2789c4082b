/** One line of a bench: what was measured, and what came out. */
export interface Result {
  readonly subject: string;
  readonly [figure: string]: unknown;
}

/** One question with figures for an answer. */
export interface Bench {
  readonly name: string;
  /** One line of the list. */
  readonly summary: string;
  /** Yields each result as soon as it is there. */
  run(onProgress: (line: string) => void): AsyncIterable<Result>;
}
