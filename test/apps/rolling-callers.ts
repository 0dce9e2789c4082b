import { setTimeout as sleep } from 'node:timers/promises';
import { status, type ServiceError } from '@grpc/grpc-js';
import type { ClientReport, FailedCall } from '../support/rolling/report.js';
import type { ProbeCalls } from './rolling-calls.js';

const UNARY_CALLERS = 32;
const STREAM_CALLERS = 16;
/** Of streams of seconds, where they are asked for. */
const LONG_CALLERS = 4;
/** After a failed call, ms: callers that spin would count one fault thousands of times. */
const PAUSE_MS = 5;
/** Failures that are told one by one. */
const MAX_TOLD = 100;

/** What one call asks, and what came of it so far. */
interface Call {
  readonly method: FailedCall['method'];
  readonly delayMs: number;
  readonly expected: number;
  messages: number;
  /** Who sent them. */
  name?: string;
}

/** Callers that call one after the other for as long as they may, and count. */
export class Callers {
  #calls = 0;
  #failed = 0;
  #slowestMs = 0;
  readonly #statuses: Record<string, number> = {};
  readonly #answered: Record<string, number> = {};
  readonly #failures: FailedCall[] = [];
  #stopping = false;

  constructor(
    private readonly calls: ProbeCalls,
    private readonly random: () => number,
    private readonly longStreams: boolean,
  ) {}

  report(done: boolean): ClientReport {
    const [calls, failed, slowestMs] = [this.#calls, this.#failed, this.#slowestMs];
    const [statuses, answered, failures] = [this.#statuses, this.#answered, this.#failures];
    return { calls, failed, statuses, failures, answered, slowestMs, done };
  }

  /** Resolves when they were stopped and their last calls have ended. */
  async run(): Promise<void> {
    const unary = Array.from({ length: UNARY_CALLERS }, () => this.#repeat(() => this.#unary()));
    const streams = Array.from({ length: STREAM_CALLERS }, () => this.#repeat(() => this.#stream()));
    const long = Array.from({ length: this.longStreams ? LONG_CALLERS : 0 }, () =>
      this.#repeat(() => this.#longStream()),
    );
    await Promise.all([...unary, ...streams, ...long]);
  }

  stop(): void {
    this.#stopping = true;
  }

  async #repeat(next: () => Call): Promise<void> {
    while (!this.#stopping) {
      this.#calls += 1;
      if (!(await this.#succeeds(next()))) await sleep(PAUSE_MS);
    }
  }

  /** A handler of 0 to 30 ms. */
  #unary(): Call {
    return { method: 'ask', delayMs: Math.floor(this.random() * 31), expected: 1, messages: 0 };
  }

  /** Three to six messages over 100 to 300 ms. */
  #stream(): Call {
    const expected = 3 + Math.floor(this.random() * 4);
    return { method: 'follow', delayMs: Math.round((100 + this.random() * 200) / expected), expected, messages: 0 };
  }

  /** Ten messages over two to five seconds. */
  #longStream(): Call {
    return { method: 'follow', delayMs: 200 + Math.floor(this.random() * 301), expected: 10, messages: 0 };
  }

  async #succeeds(call: Call): Promise<boolean> {
    const sentAt = Date.now();
    const error = await this.#make(call).then(
      () => undefined,
      (failure: ServiceError) => failure,
    );
    const endedAt = Date.now();
    if (call.name !== undefined) this.#answered[call.name] = (this.#answered[call.name] ?? 0) + 1;
    this.#slowestMs = Math.max(this.#slowestMs, endedAt - sentAt - call.delayMs * call.expected);
    if (!error && call.messages === call.expected) return true;
    this.#note(failedCall(call, { sentAt, endedAt }, error));
    return false;
  }

  async #make(call: Call): Promise<void> {
    const onAnswer = ({ name }: { readonly name: string }) => {
      call.messages += 1;
      call.name = name;
    };
    if (call.method === 'ask') onAnswer(await this.calls.ask({ delayMs: call.delayMs }));
    else await this.calls.follow({ delayMs: call.delayMs, count: call.expected }, onAnswer);
  }

  #note(failure: FailedCall): void {
    this.#failed += 1;
    this.#statuses[failure.status] = (this.#statuses[failure.status] ?? 0) + 1;
    if (this.#failures.length < MAX_TOLD) this.#failures.push(failure);
  }
}

/** @param error that of a client of ours says more than gRPC's own */
function failedCall(
  { method, messages, expected, name }: Call,
  times: Pick<FailedCall, 'sentAt' | 'endedAt'>,
  error?: Partial<ServiceError> & { readonly instance?: string; readonly attempts?: number },
): FailedCall {
  return {
    method,
    status: error ? (status[error.code ?? status.UNKNOWN] ?? `${error.code}`) : 'INCOMPLETE',
    details: error?.details ?? error?.message ?? '',
    ...times,
    messages,
    expected,
    instance: error?.instance ?? name,
    attempts: error?.attempts,
  };
}
