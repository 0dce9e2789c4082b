import { status } from '@grpc/grpc-js';
import type { Random, Time } from '../../core/time.js';
import type { Carrier, CarrierLink } from '../../grpc/carrier.js';
import type { CallStatus, MuxCall } from './mux-call.js';
import { MuxStream } from './mux-stream.js';

export interface MuxConnectionSettings {
  readonly time: Time;
  readonly random: Random;
  /** Of an answer, bytes. */
  readonly maxResponseBytes: number;
  /** Runs what opens a stream, outside of the request that happens to need it first. */
  readonly apart: <T>(open: () => T) => T;
  /** Its stream has ended with an error; calls go through grpc-js from then on. */
  readonly broken: (link: CarrierLink, error: CallStatus) => void;
}

/** What carries calls over one connection: a stream while there are calls, and none a second after. */
export class MuxConnection implements Carrier {
  /** Of a request, with its metadata. */
  readonly maxRequestBytes: number;
  #stream: MuxStream | undefined;
  #left = false;

  constructor(
    private readonly link: CarrierLink,
    private readonly settings: MuxConnectionSettings,
  ) {
    this.maxRequestBytes = link.offer.maxRequestBytes;
  }

  /** Sends a call; false where it can take none now. */
  send(call: MuxCall, bytes: Buffer, metadata: Buffer | undefined): boolean {
    if (this.#left) return false;
    const stream = this.#stream ?? this.#open();
    return stream !== undefined && stream.send(call, bytes, metadata);
  }

  leave(): void {
    this.#left = true;
    this.#stream?.leave();
  }

  #open(): MuxStream | undefined {
    const { link, settings } = this;
    const { time, random, maxResponseBytes, apart, broken } = settings;
    try {
      const onIdle = () => (this.#stream = undefined);
      const onEnd = (error: CallStatus | undefined) => {
        // One that was idle may end while the next one is open.
        if (this.#stream === stream) this.#stream = undefined;
        // Whose connection is gone, or who refuses a stream, has not broken anything.
        if (!error || error.code === status.UNAVAILABLE || this.#left) return;
        // The next connection may do better; over this one it would break again.
        this.#left = true;
        broken(link, error);
      };
      const stream = apart(
        () => new MuxStream({ link, time: timeApart(time, apart), random, maxResponseBytes, onIdle, onEnd }),
      );
      return (this.#stream = stream);
    } catch {
      // The connection went down in this turn, and says so in the next.
      return undefined;
    }
  }
}

/** A timer keeps the context in which it was set, and with it the request of whoever happened to call. */
function timeApart(time: Time, apart: MuxConnectionSettings['apart']): Time {
  return { now: () => time.now(), after: (ms, fn) => apart(() => time.after(ms, fn)) };
}
