import type { Picked, ScaleCall } from '../../test/support/scale/channel-balancer.js';
import { chance, gap, logNormal } from './chance.js';
import { openChannel, type ChannelParts, type Subject } from './channel.js';
import { ROUND_TRIP_MS } from './link.js';
import type { Ledger } from './ledger.js';
import { OK, UNAVAILABLE } from './server.js';

/** What a call takes a server that is well, ms. */
export const MEAN_WORK_MS = 10;
/** The default of unary calls, ms. */
export const TIMEOUT_MS = 5000;
/** Of all calls, so many may be run twice. */
const IDEMPOTENT = 0.5;
/** Keys of calls, all as frequent as the others. */
const KEYS = 10_000;
const DEADLINE_EXCEEDED = 4;
/** Between attempts, as `grpc/service-config.ts` has grpc-js wait: the first, and how it grows, ms. */
const BACKOFF = { firstMs: 10, times: 3, atMostMs: 100 };

interface Call {
  readonly record: ScaleCall;
  readonly workMs: number;
  readonly madeAt: number;
  ended: boolean;
  /** Its running attempt; ends it. */
  attempt: ((code: number) => void) | undefined;
  backoffMs: number;
}

/** How a client calls. */
export interface Demand {
  readonly untilMs: number;
  /** Calls, on the mean; they come by chance. */
  readonly perSecond: number;
  /** At once when it starts. */
  readonly burst: number;
  /** What a call takes is log-normal; this is the deviation of its logarithm. */
  readonly sigma: number;
}

/** One client of the service: makes calls by chance, and does with each what the gRPC layer does. */
export class Client {
  readonly #channel;
  readonly #calls;
  readonly #jitter;
  #waiting: Call[] = [];
  #waking = false;

  constructor(
    subject: Subject,
    private readonly parts: Omit<ChannelParts, 'changed'>,
    private readonly demand: Demand,
    private readonly ledger: Ledger,
  ) {
    const { seed, client } = parts;
    this.#calls = chance(seed, 'calls', client);
    this.#jitter = chance(seed, 'retries', client);
    this.#channel = openChannel(subject, { ...parts, changed: () => this.#wake() });
  }

  start(): void {
    const { time } = this.parts;
    const { untilMs, perSecond, burst } = this.demand;
    for (let i = 0; i < burst; i += 1) this.#make();
    const next = () => {
      const ms = gap(this.#calls, perSecond / 1000);
      if (time.now() + ms >= untilMs) return;
      time.after(ms, () => {
        this.#make();
        next();
      });
    };
    next();
  }

  close(): void {
    this.#channel.close();
  }

  #make(): void {
    const { time } = this.parts;
    const now = time.now();
    const random = this.#calls;
    const workMs = logNormal(random, MEAN_WORK_MS, this.demand.sigma);
    const record: ScaleCall = {
      groups: undefined,
      clientGroups: undefined,
      lane: undefined,
      hashKey: `key-${Math.floor(random() * KEYS)}`,
      unary: true,
      idempotent: random() < IDEMPOTENT,
      timeoutMs: TIMEOUT_MS,
      deadline: now + TIMEOUT_MS,
      madeAt: now,
      attempts: 0,
    };
    const call: Call = { record, workMs, madeAt: now, ended: false, attempt: undefined, backoffMs: BACKOFF.firstMs };
    time.after(TIMEOUT_MS, () => this.#expire(call));
    this.#attempt(call, UNAVAILABLE);
  }

  /** @param code what it ends with where nobody can take it */
  #attempt(call: Call, code: number): void {
    const { pick, wait } = this.#channel.pick(call.record);
    if (pick) this.#send(call, pick);
    // What was sent is not worth waiting for somebody else.
    else if (wait && !call.record.processed) this.#waiting.push(call);
    else this.#end(call, code);
  }

  #send(call: Call, endpoint: Picked): void {
    const { time } = this.parts;
    const link = this.#channel.link(endpoint.instance.address);
    const startedAt = time.now();
    this.#channel.callStarted(endpoint, call.record);
    const ended = (call.attempt = (code: number) => {
      call.attempt = undefined;
      const ms = time.now() - startedAt;
      const again = this.#channel.callEnded(endpoint, call.record, { code, processed: true, ms });
      if (again && !call.ended) this.#retry(call, code);
      else this.#end(call, code);
    });
    link.server.take({
      workMs: call.workMs,
      abandoned: () => call.attempt !== ended,
      answer: (code) =>
        time.after(ROUND_TRIP_MS, () => {
          link.received += 1;
          if (call.attempt === ended) ended(code);
        }),
    });
  }

  #retry(call: Call, code: number): void {
    const ms = call.backoffMs * (0.8 + 0.4 * this.#jitter());
    call.backoffMs = Math.min(BACKOFF.atMostMs, BACKOFF.times * call.backoffMs);
    this.parts.time.after(ms, () => {
      if (!call.ended) this.#attempt(call, code);
    });
  }

  #expire(call: Call): void {
    if (call.ended) return;
    const { attempt } = call;
    this.#end(call, DEADLINE_EXCEEDED);
    attempt?.(DEADLINE_EXCEEDED);
  }

  #end(call: Call, code: number): void {
    if (call.ended) return;
    call.ended = true;
    const { madeAt, record } = call;
    // One that was refused at once would make whoever refuses look fast.
    const answered = code === OK || code === DEADLINE_EXCEEDED;
    const ms = answered ? this.parts.time.now() - madeAt : undefined;
    this.ledger.enter({ madeAt, ms, failed: code !== OK, attempts: record.attempts });
  }

  /** Calls that wait are picked anew, once a turn. */
  #wake(): void {
    if (this.#waking) return;
    this.#waking = true;
    this.parts.time.after(0, () => {
      this.#waking = false;
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const call of waiting) if (!call.ended) this.#attempt(call, UNAVAILABLE);
    });
  }
}
