/** One line of a bench: what was measured, and what came out. */
export interface Result {
  readonly subject: string;
  readonly [figure: string]: unknown;
}

/** Flags of the command line, by their names without `--`; absent where they were not given. */
export type Flags = Readonly<Record<string, string | undefined>>;

/** What a bench is given. */
export interface Context {
  /** Its own, as it declares them. */
  readonly flags: Flags;
  readonly onProgress: (line: string) => void;
  /** Says that a part could not be measured: the bench goes on, and the command fails at its end. */
  readonly onFailure: (line: string) => void;
  /** Takes a file, such as a picture, that `--save` writes beside the results. */
  readonly keep: (file: string, text: string) => void;
}

/** One question with figures for an answer. */
export interface Bench {
  readonly name: string;
  /** One line of the list. */
  readonly summary: string;
  /** What narrows it: the name of each flag, and a line that says what it takes. Every flag takes a value. */
  readonly flags?: Readonly<Record<string, string>>;
  /** Throws, before anything runs, where its flags make no sense. */
  check?(flags: Flags): void;
  /** Yields each result as soon as it is there. */
  run(context: Context): AsyncIterable<Result>;
}
