import type { Endpoint } from './endpoint.js';
import type { Time } from './time.js';

/** How long an endpoint may owe its first byte while others answer, ms. */
const SILENT_MS = 1000;
/** How often endpoints with calls are looked at, ms. */
const LOOK_MS = 250;

interface Mark {
  readonly received: number;
  /** Calls that had been started when it was last heard; those since have had no byte. */
  readonly started: number;
  /** Since when calls have had no byte. */
  readonly owingSince: number | undefined;
}

/**
 * Finds endpoints whose process hangs: calls have been started on one since its last byte, a second ago or more, while
 * another endpoint answers. Nothing is said of a stream that was answered once and idles, and nothing where all are
 * silent, since then it is us or the network. A suspect gets no calls until it was asked, over the same connection.
 */
export class Suspicion {
  /** Endpoints that have calls, or had since the last look. */
  readonly #busy = new Map<Endpoint, Mark>();
  #timer: Disposable | undefined;

  constructor(
    private readonly time: Time,
    private readonly accuse: (endpoint: Endpoint) => void,
  ) {}

  /** A call was started on it. */
  watch(endpoint: Endpoint): void {
    if (this.#busy.has(endpoint)) return;
    const received = endpoint.connection?.received;
    if (received === undefined) return;
    this.#busy.set(endpoint, { received, started: endpoint.started - 1, owingSince: this.time.now() });
    this.#timer ??= this.time.after(LOOK_MS, this.#look);
  }

  forget(endpoint: Endpoint): void {
    this.#busy.delete(endpoint);
  }

  close(): void {
    this.#timer?.[Symbol.dispose]();
    this.#busy.clear();
  }

  readonly #look = (): void => {
    const now = this.time.now();
    const silent: Endpoint[] = [];
    let heard = false;
    for (const [endpoint, mark] of this.#busy) {
      const { connection, started, running } = endpoint;
      const received = connection?.received;
      if (received === undefined || (received !== mark.received && running === 0)) {
        heard ||= received !== undefined;
        this.#busy.delete(endpoint);
      } else if (received !== mark.received) {
        heard = true;
        this.#busy.set(endpoint, { received, started, owingSince: undefined });
      } else if (running === 0) this.#busy.delete(endpoint);
      else if (started > mark.started) {
        const owingSince = mark.owingSince ?? now;
        if (mark.owingSince === undefined) this.#busy.set(endpoint, { ...mark, owingSince });
        if (now - owingSince >= SILENT_MS && endpoint.state === 'ready' && !endpoint.suspect) silent.push(endpoint);
      }
    }
    this.#timer = this.#busy.size > 0 ? this.time.after(LOOK_MS, this.#look) : undefined;
    if (heard) for (const endpoint of silent) this.accuse(endpoint);
  };
}
