import type { Random, Time } from 'rookery/core';
import type { Server } from './server.js';

/** To connect, TLS and Hello included, at the least and at the most, ms. */
const CONNECT_MS = [2, 20] as const;
/** A Hello is given up after this long, as in `grpc/hello.ts`, ms. */
const HELLO_MS = 2000;
/** There and back, ms. */
export const ROUND_TRIP_MS = 1;

export type LinkState = 'ready' | 'failed';
export type Report = (state: LinkState) => void;

/** The connection of one client to one server: ready after a while, asked and prompted as one between peers is. */
export class Link {
  connected = false;
  /** One for each answer: nobody cares how long they are. */
  received = 0;
  #state: LinkState | undefined;
  #closed = false;
  #asking = false;

  constructor(
    readonly server: Server,
    private readonly time: Time,
    private readonly random: Random,
    private readonly report: Report,
  ) {
    const [least, most] = CONNECT_MS;
    time.after(least + (most - least) * random(), () => {
      this.connected = true;
      this.#ask();
    });
  }

  instanceChanged(): void {}

  inquire(): boolean {
    if (this.#state !== 'ready') return false;
    this.#ask();
    return true;
  }

  prompt(): boolean {
    if (this.#state !== 'ready') return false;
    this.time.after(ROUND_TRIP_MS, () => void (this.received += Number(!this.server.silent)));
    return true;
  }

  close(): void {
    this.#closed = true;
    this.connected = false;
  }

  /** Whoever does not answer Hello failed, and is asked again, over the connection that is still open. */
  #ask(): void {
    if (this.#asking || this.#closed) return;
    this.#asking = true;
    const { silent } = this.server;
    this.time.after(silent ? HELLO_MS : ROUND_TRIP_MS, () => {
      this.#asking = false;
      if (!silent) return this.#become('ready');
      this.#become('failed');
      this.time.after(this.random() * HELLO_MS, () => this.#ask());
    });
  }

  #become(state: LinkState): void {
    if (this.#closed) return;
    this.#state = state;
    this.report(state);
  }
}
