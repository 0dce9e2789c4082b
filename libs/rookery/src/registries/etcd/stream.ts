import { pause, type Time } from '../../core/time.js';

/** A raw bidirectional stream of the package, as far as we use it. */
export interface RawStream<Q, R> {
  write(message: Q): unknown;
  end(): unknown;
  cancel(): void;
  on(event: 'data', listener: (message: R) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'end', listener: () => void): unknown;
  removeAllListeners(event: string): unknown;
}

/** A stream to etcd whose messages are taken one at a time, with a time limit: silence is how a hung etcd looks. */
export class Stream<Q, R> {
  /** Called once, when the stream breaks. */
  onBroken: (() => void) | undefined;
  readonly #messages: R[] = [];
  #fault: Error | undefined;
  #cancelled = false;
  #wake = new AbortController();

  constructor(
    private readonly raw: RawStream<Q, R>,
    private readonly time: Time,
  ) {
    raw.on('data', (message) => {
      this.#messages.push(message);
      this.#wake.abort();
    });
    raw.on('error', (error) => this.#break(error));
    raw.on('end', () => this.#break(new Error('etcd ended the stream')));
  }

  write(message: Q): void {
    if (!this.#fault) this.raw.write(message);
  }

  /** The next message, or nothing after `ms` or once the signal aborts; throws where the stream broke. */
  async take(ms: number, signal: AbortSignal): Promise<R | undefined> {
    if (this.#messages.length === 0 && !this.#fault && !signal.aborted) {
      const wake = (this.#wake = new AbortController());
      const stop = () => wake.abort();
      signal.addEventListener('abort', stop, { once: true });
      await pause(this.time, ms, wake.signal);
      signal.removeEventListener('abort', stop);
    }
    const message = this.#messages.shift();
    if (message === undefined && this.#fault) throw this.#fault;
    return message;
  }

  /** We are done with it. The package must not hear that it was cancelled: it would think that the server failed. */
  close(): void {
    if (!this.#cancelled) this.raw.removeAllListeners('error');
    this.abandon();
  }

  /** The server does not answer on it: the package looks for another one. */
  abandon(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    // A stream without a listener would throw what becomes of it.
    this.raw.on('error', () => {});
    this.raw.cancel();
    this.#break(new Error('the stream was closed'));
  }

  #break(error: Error): void {
    if (this.#fault) return;
    this.#fault = error;
    this.#wake.abort();
    this.onBroken?.();
  }
}
