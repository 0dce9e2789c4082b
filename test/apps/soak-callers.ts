import { Metadata, status, type ServiceError } from '@grpc/grpc-js';
import type { AsyncClient, CallOptions } from 'rookery';
import type { Load, Soak, SoakReport } from './soak.js';

/** Longer than any call takes, ms. */
const TIMEOUT_MS = 20_000;
/** Of calls that are given up or have no time. */
const SLOW_MS = 10;
const MAX_TOLD = 10;

/** One call, and how it may end besides OK. */
interface Trial {
  readonly load: Load;
  readonly options: CallOptions;
  readonly may?: status;
}

type TrialOf = (number: number, random: () => number) => Trial;

const PLAIN: CallOptions = { timeoutMs: TIMEOUT_MS };

const small: TrialOf = (number) => ({ load: { number, answerBytes: 16 }, options: PLAIN });
const sized =
  (requestBytes: number, answerBytes: number): TrialOf =>
  (number) => ({ load: { number, answerBytes, payload: new Uint8Array(requestBytes) }, options: PLAIN });
const described: TrialOf = (number, random) => {
  const metadata = new Metadata();
  for (const key of ['x-user', 'x-tenant', 'x-trace']) metadata.set(key, `${random()}`);
  return { load: { number, answerBytes: 16 }, options: { ...PLAIN, metadata } };
};
const revoked: TrialOf = (number, random) => {
  const signal = AbortSignal.timeout(Math.floor(random() * SLOW_MS));
  return {
    load: { number, delayMs: SLOW_MS, answerBytes: 16 },
    options: { ...PLAIN, signal },
    may: status.CANCELLED,
  };
};
const hasty: TrialOf = (number, random) => ({
  load: { number, delayMs: SLOW_MS, answerBytes: 16 },
  options: { timeoutMs: 1 + Math.floor(random() * SLOW_MS) },
  may: status.DEADLINE_EXCEEDED,
});

/** Of a thousand calls; the others are small ones. The last two are too large for mux: a request, and an answer in parts. */
const MIX: readonly (readonly [share: number, trial: TrialOf])[] = [
  [20, described],
  [5, revoked],
  [5, hasty],
  [10, sized(4096, 4096)],
  [2, sized(16_384, 16)],
  [2, sized(16, 100_000)],
];

/** Calls without a pause, of all kinds, and counts. */
export class SoakCallers {
  #calls = 0;
  #failed = 0;
  readonly #statuses: Record<string, number> = {};
  readonly #failures: string[] = [];

  constructor(
    private readonly soak: AsyncClient<Soak>,
    private readonly random: () => number,
  ) {}

  get report(): SoakReport {
    return { calls: this.#calls, statuses: this.#statuses, failed: this.#failed, failures: this.#failures };
  }

  /** Resolves when the time is over and the last call has ended. */
  async run(callers: number, ms: number): Promise<void> {
    const end = performance.now() + ms;
    await Promise.all(Array.from({ length: callers }, () => this.#repeat(end)));
  }

  async #repeat(end: number): Promise<void> {
    while (performance.now() < end) await this.#call(this.#draw()((this.#calls += 1), this.random));
  }

  #draw(): TrialOf {
    let at = this.random() * 1000;
    for (const [share, trial] of MIX) if ((at -= share) < 0) return trial;
    return small;
  }

  async #call({ load, options, may }: Trial): Promise<void> {
    try {
      const { number, payload } = await this.soak.echo(load, options);
      if (number === load.number && payload.length === load.answerBytes) this.#note('OK');
      else this.#fail(`call ${load.number} was answered with ${number} and ${payload.length} bytes`);
    } catch (error) {
      const { code, message } = error as ServiceError;
      if (code === may) this.#note(status[code]);
      else this.#fail(message);
    }
  }

  #note(name: string): void {
    this.#statuses[name] = (this.#statuses[name] ?? 0) + 1;
  }

  #fail(failure: string): void {
    this.#failed += 1;
    if (this.#failures.length < MAX_TOLD) this.#failures.push(failure);
  }
}
