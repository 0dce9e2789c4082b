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
  /**
   * Yields each result as soon as it is there.
   * @param keep takes a file, such as a picture, that `--save` writes beside the results
   */
  run(onProgress: (line: string) => void, keep: (file: string, text: string) => void): AsyncIterable<Result>;
}
