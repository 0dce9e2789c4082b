import { status, type experimental, type MethodDefinition } from '@grpc/grpc-js';
import { service as HEALTH_SERVICE } from 'grpc-health-check';
import { Backoff } from '../core/backoff.js';
import type { EndpointState } from '../core/endpoint.js';
import { messageOf } from '../core/errors.js';
import type { Random, Time } from '../core/time.js';
import { startCall, type SubchannelCall } from './subchannel-call.js';

/** An answer is one number; a longer one is not an answer, bytes. */
const MAX_BYTES = 1024;
/** Who has not answered after this long counts as unhealthy until he does, ms. */
const ANSWER_MS = 2000;
/** A watch that stood for this long was no mistake: the next one is opened nearly at once, ms. */
const STEADY_MS = 5000;

const WATCH = HEALTH_SERVICE['Watch'] as unknown as MethodDefinition<{ service: string }, { status: unknown }>;

export interface HealthWatchOptions {
  readonly subchannel: experimental.SubchannelInterface;
  /** The authority of the channel. */
  readonly host: string;
  /** What to ask about; `''` is the server as a whole. */
  readonly name: string;
  readonly time: Time;
  readonly random: Random;
  readonly report: (state: EndpointState, error?: string) => void;
  /** The other side has no health service. */
  readonly unchecked: () => void;
}

/**
 * Watches `grpc.health.v1.Health` on one connection (gRFC A17). SERVING is `ready`, and whatever else it says
 * `unhealthy`. UNIMPLEMENTED is `ready` for as long as the connection lasts. A watch that ends in any other way is opened
 * again, with backoff: what it said last no longer holds, so the endpoint is `verifying` until the next answer (calls go
 * elsewhere, or wait), and `unhealthy` where that one ends without an answer or none comes in time. A server that stops
 * says NOT_SERVING before it ends the stream, and is not called again; one that only ends the stream takes the connection
 * with it, and the watch ends too.
 *
 * Begins in the next tick, and ends when it is disposed: with its connection.
 */
export class HealthWatch implements Disposable {
  #call: SubchannelCall | undefined;
  /** Until the answer must be there, and then until the next try. */
  #timer: Disposable | undefined;
  #startedAt = 0;
  #answered = false;
  #over = false;
  readonly #backoff: Backoff;

  constructor(private readonly options: HealthWatchOptions) {
    this.#backoff = new Backoff(options.random);
    // grpc-js tells READY before the subchannel can take a call.
    process.nextTick(() => this.#start());
  }

  [Symbol.dispose](): void {
    this.#over = true;
    this.#timer?.[Symbol.dispose]();
    this.#call?.cancel(status.CANCELLED, 'the connection is not used any more');
  }

  #start(): void {
    if (this.#over) return;
    const { subchannel, host, name, time, report } = this.options;
    this.#startedAt = time.now();
    this.#answered = false;
    this.#timer = time.after(ANSWER_MS, () => report('unhealthy', `no answer to the health check in ${ANSWER_MS} ms`));
    try {
      this.#call = startCall({
        subchannel,
        host,
        method: WATCH,
        request: { service: name },
        onMessage: (message) => this.#hear(message),
        onEnd: (code, details) => this.#ended(code, details),
      });
    } catch (error) {
      this.#ended(status.UNAVAILABLE, messageOf(error));
    }
  }

  #hear(message: Buffer): void {
    if (this.#over) return;
    const answer = parse(message);
    this.#answered = 'status' in answer;
    if ('error' in answer) return this.#call?.cancel(status.INTERNAL, answer.error);
    this.#timer?.[Symbol.dispose]();
    if (answer.status === 'SERVING') this.options.report('ready');
    else
      this.options.report(
        'unhealthy',
        `it says ${String(answer.status)} to the health check of "${this.options.name}"`,
      );
  }

  #ended(code: status, details: string): void {
    this.#timer?.[Symbol.dispose]();
    this.#call = undefined;
    if (this.#over) return;
    const { time, report, unchecked } = this.options;
    if (code === status.UNIMPLEMENTED) {
      this.#over = true;
      unchecked();
      return report('ready');
    }
    if (this.#answered && time.now() - this.#startedAt >= STEADY_MS) this.#backoff.reset();
    const why = `its health check ended with ${status[code] ?? code}${details && `: ${details}`}`;
    report(this.#answered ? 'verifying' : 'unhealthy', why);
    // Listeners of the report may have closed the connection.
    if (!this.#over) this.#timer = time.after(this.#backoff.next(), () => this.#start());
  }
}

/** Runs in a listener of grpc-js, where whatever is thrown ends the process: an answer may be anything. */
function parse(message: Buffer): { readonly status: unknown } | { readonly error: string } {
  if (message.length > MAX_BYTES) return { error: `an answer of ${message.length} bytes` };
  try {
    return WATCH.responseDeserialize(message);
  } catch (error) {
    return { error: `malformed answer: ${messageOf(error)}` };
  }
}
