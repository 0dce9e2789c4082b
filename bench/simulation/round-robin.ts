import type { Random } from 'rookery/core';

/**
 * `round_robin` of grpc-js 1.14, without its connections: every update makes the whole list anew from a random start; what is
 * not READY is left out; whoever was next stays next where he is still there, else it is the first.
 */
export class RoundRobin {
  #list: readonly string[] = [];
  #ready: readonly string[] = [];
  #next = 0;

  constructor(
    private readonly random: Random,
    private readonly isReady: (address: string) => boolean,
  ) {}

  update(addresses: readonly string[]): void {
    const start = Math.floor(this.random() * addresses.length);
    this.#list = [...addresses.slice(start), ...addresses.slice(0, start)];
    this.refresh();
  }

  /** Somebody became READY, or is it no more. */
  refresh(): void {
    const next = this.#ready[this.#next];
    this.#ready = this.#list.filter(this.isReady);
    this.#next = next === undefined ? 0 : Math.max(0, this.#ready.indexOf(next));
  }

  /** Nothing where nobody is READY. */
  pick(): string | undefined {
    const picked = this.#ready[this.#next];
    if (picked !== undefined) this.#next = (this.#next + 1) % this.#ready.length;
    return picked;
  }
}
