import type { Endpoint } from './endpoint.js';
import type { Time } from './time.js';

/** How long an endpoint may owe its first byte while others answer, ms. */
const SILENT_MS = 1000;
/** How often endpoints with calls are looked at, ms. */
const LOOK_MS = 250;

interface Mark {
  readonly received: number;
  /** How many of the calls that were started need no more bytes to prove that somebody is there. */
  readonly started: number;
  /** Since when calls have had no byte. */
  readonly owingSince: number | undefined;
  /** How many calls had been started when it was last asked, and there. */
  readonly proven: number;
}

export interface SuspicionOptions {
  readonly time: Time;
  /** The usable endpoints that are none of these. */
  readonly others: (silent: ReadonlySet<Endpoint>) => Iterable<Endpoint>;
  /** It owes its first byte, and others do not. */
  readonly accuse: (endpoint: Endpoint) => void;
}

/**
 * Finds endpoints whose process hangs: calls run on one that has sent no byte for a second or more, while another endpoint
 * answers. A stream that idles looks the same, so it is asked about, once until another call is started. Nothing is said where all are
 * silent, since then it is us or the network; where the others have no calls, one of them is made to say something, or
 * few callers that all wait for the one that hangs would wait for it for ever. A suspect gets no calls until it was
 * asked, over the same connection.
 */
export class Suspicion {
  /** Endpoints that have calls, or had since the last look. */
  readonly #busy = new Map<Endpoint, Mark>();
  /** Those that were made to say something since nobody is heard. */
  readonly #prompted = new Set<Endpoint>();
  #timer: Disposable | undefined;

  constructor(private readonly options: SuspicionOptions) {}

  /** A call was started on it. */
  watch(endpoint: Endpoint): void {
    if (this.#busy.has(endpoint)) return;
    const { time } = this.options;
    this.#mark(endpoint, { started: endpoint.started - 1, owingSince: time.now() });
    this.#timer ??= time.after(LOOK_MS, this.#look);
  }

  /** It has said that it is there: the calls that run on it wait for their handlers. */
  clear(endpoint: Endpoint): void {
    if (this.#busy.has(endpoint)) this.#mark(endpoint, { started: endpoint.started, proven: endpoint.started });
  }

  forget(endpoint: Endpoint): void {
    this.#busy.delete(endpoint);
    this.#prompted.delete(endpoint);
  }

  close(): void {
    this.#timer?.[Symbol.dispose]();
    this.#busy.clear();
  }

  #mark(endpoint: Endpoint, { started, owingSince, proven = 0 }: Partial<Mark> & Pick<Mark, 'started'>): void {
    const received = endpoint.connection?.received;
    if (received === undefined) this.#busy.delete(endpoint);
    else this.#busy.set(endpoint, { received, started, owingSince, proven });
  }

  readonly #look = (): void => {
    const { time, accuse } = this.options;
    const silent = new Set<Endpoint>();
    let heard = false;
    for (const [endpoint, mark] of this.#busy) {
      const received = endpoint.connection?.received;
      // A new connection counts its bytes anew; one that is gone has said nothing.
      const spoke = received !== undefined && received > mark.received;
      heard ||= spoke;
      if (received === undefined) this.#busy.delete(endpoint);
      else if (endpoint.running === 0 && !this.#prompted.has(endpoint)) this.#busy.delete(endpoint);
      else if (spoke || received < mark.received) this.#heard(endpoint, mark);
      else if (this.#owes(endpoint, mark)) silent.add(endpoint);
    }
    if (heard || silent.size === 0) this.#prompted.clear();
    if (heard) for (const endpoint of silent) accuse(endpoint);
    else if (silent.size > 0) this.#prompt(silent);
    this.#timer = this.#busy.size > 0 ? time.after(LOOK_MS, this.#look) : undefined;
  };

  /** It is not known which of its calls the bytes were for, unless all of them were asked about before. */
  #heard(endpoint: Endpoint, { proven }: Mark): void {
    const { started, running } = endpoint;
    this.#mark(endpoint, { started: started === proven ? started : started - running, proven });
  }

  /** Calls were started since it was last heard, and for too long. */
  #owes(endpoint: Endpoint, mark: Mark): boolean {
    if (endpoint.started <= mark.started) return false;
    const now = this.options.time.now();
    const owingSince = mark.owingSince ?? now;
    this.#busy.set(endpoint, { ...mark, owingSince });
    return now - owingSince >= SILENT_MS && endpoint.state === 'ready' && !endpoint.suspect;
  }

  /** Has somebody say something who was not asked anything: heard at the next look. */
  #prompt(silent: ReadonlySet<Endpoint>): void {
    for (const other of this.options.others(new Set([...silent, ...this.#prompted]))) {
      // Whoever does not speak our protocol cannot be had to.
      if (!other.connection?.prompt()) continue;
      this.#prompted.add(other);
      return this.#mark(other, { started: other.started });
    }
  }
}
