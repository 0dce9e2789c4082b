import type { Time } from 'rookery/core';

/** Calls that one server works on at a time; further ones wait in order. */
export const WORKERS = 8;
/** How long a refusal takes a server, ms. */
const REFUSAL_MS = 0.2;

export const OK = 0;
export const UNAVAILABLE = 14;

export interface Job {
  /** What it takes one worker of a server that is well, ms. */
  readonly workMs: number;
  /** Whoever made it waits no more: it is passed over when its turn comes, and one that is worked on is worked on. */
  readonly abandoned: () => boolean;
  readonly answer: (code: number) => void;
}

/** A server with a few workers and a queue: its latency is made by its load, as in life. */
export class Server {
  /** How many times as long everything takes. */
  slowness = 1;
  /** Answers UNAVAILABLE at once. */
  failing = false;
  /** Nothing reaches it, and nothing that it says arrives; connections to it stay open. */
  silent = false;
  /** Calls that it was given. */
  ran = 0;
  #working = 0;
  #queue: Job[] = [];
  #head = 0;

  constructor(
    readonly address: string,
    private readonly time: Time,
  ) {}

  take(job: Job): void {
    this.ran += 1;
    if (this.silent) return;
    if (this.failing) return void this.time.after(REFUSAL_MS, () => this.#answer(job, UNAVAILABLE));
    if (this.#working < WORKERS) this.#work(job);
    else this.#queue.push(job);
  }

  #work(job: Job): void {
    this.#working += 1;
    this.time.after(job.workMs * this.slowness, () => {
      this.#working -= 1;
      this.#answer(job, OK);
      const next = this.#next();
      if (next) this.#work(next);
    });
  }

  #next(): Job | undefined {
    while (this.#head < this.#queue.length) {
      const job = this.#queue[this.#head++]!;
      if (!job.abandoned()) return job;
    }
    this.#queue = [];
    this.#head = 0;
    return undefined;
  }

  #answer(job: Job, code: number): void {
    if (!this.silent) job.answer(code);
  }
}
