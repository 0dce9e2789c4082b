import { setTimeout as sleep } from 'node:timers/promises';
import { status, type ServiceError } from '@grpc/grpc-js';
import type { AsyncClient, CallOptions } from 'rookery';
import { ENDED, kindOf, MIXED_UP, OPEN, type CallKind, type Ledger } from './mux-ledger.js';

/** Longer than any call takes, ms: one that hangs fails with a code that it may not have. */
const TIMEOUT_MS = 30_000;
/** Of a hasty call, or until one is revoked, ms. */
const MOMENT_MS = 8;
/** After a failed call, ms: callers that spin would count one fault thousands of times. */
const PAUSE_MS = 5;
const MAX_TOLD = 10;

const PLAIN: CallOptions = { timeoutMs: TIMEOUT_MS };
const IDEMPOTENT: CallOptions = { timeoutMs: TIMEOUT_MS, idempotent: true };

/** How calls of a kind may fail. */
const MAY_FAIL: Readonly<Record<CallKind, readonly status[]>> = {
  plain: [status.UNAVAILABLE],
  idempotent: [],
  hasty: [status.UNAVAILABLE, status.DEADLINE_EXCEEDED],
  revoked: [status.UNAVAILABLE, status.CANCELLED],
};

/** Callers that call one after the other until they are stopped, and keep of each call what they were told. */
export class LedgerCallers {
  /** A byte for each call. */
  outcomes = new Uint8Array(1 << 20).fill(OPEN);
  made = 0;
  ended = 0;
  readonly surprises: string[] = [];
  #stopping = false;

  /** @param numberOf the number of this client's n-th call */
  constructor(
    private readonly ledger: AsyncClient<Ledger>,
    private readonly numberOf: (n: number) => number,
    private readonly random: () => number,
  ) {}

  /** Resolves when they were stopped and their last calls have ended. */
  async run(callers: number): Promise<void> {
    await Promise.all(Array.from({ length: callers }, () => this.#repeat()));
  }

  stop(): void {
    this.#stopping = true;
  }

  async #repeat(): Promise<void> {
    while (!this.#stopping) {
      const n = this.made++;
      if (n === this.outcomes.length) this.#grow();
      const outcome = await this.#call(this.numberOf(n));
      this.outcomes[n] = outcome;
      this.ended += 1;
      if (outcome === ENDED + status.UNAVAILABLE) await sleep(PAUSE_MS);
    }
  }

  #grow(): void {
    const larger = new Uint8Array(2 * this.outcomes.length);
    larger.set(this.outcomes);
    this.outcomes = larger;
  }

  async #call(number: number): Promise<number> {
    const kind = kindOf(number);
    try {
      const answer = await this.ledger.enter({ number }, this.#options(kind));
      return answer.number === number ? ENDED : this.#mixedUp(number, answer.number);
    } catch (error) {
      const { code, message } = error as ServiceError;
      if (!MAY_FAIL[kind].includes(code)) this.#note(`${kind} call ${number}: ${message}`);
      return ENDED + code;
    }
  }

  #options(kind: CallKind): CallOptions {
    if (kind === 'plain') return PLAIN;
    if (kind === 'idempotent') return IDEMPOTENT;
    const ms = Math.ceil(this.random() * MOMENT_MS);
    return kind === 'hasty' ? { timeoutMs: ms } : { timeoutMs: TIMEOUT_MS, signal: AbortSignal.timeout(ms - 1) };
  }

  #mixedUp(number: number, other: number): number {
    this.#note(`call ${number} was given the answer to ${other}`);
    return MIXED_UP;
  }

  #note(surprise: string): void {
    if (this.surprises.length < MAX_TOLD) this.surprises.push(surprise);
  }
}
