import {
  credentials,
  makeGenericClientConstructor,
  Metadata,
  type ClientReadableStream,
  type ServiceError,
} from '@grpc/grpc-js';
import type { Directory, Registry } from 'rookery/core';
import { channelOptions, createDirectory } from 'rookery/grpc';
import type { Recorder } from 'rookery/testing';
import { FAULTY, SERVICE } from './service.js';
import { pause } from './pause.js';

/** Every so many calls, one is a stream. */
const STREAM_EVERY = 5;
/** Messages of a stream. */
const MESSAGES = 5;
/** Between two calls of one caller, ms. */
const PAUSE_MS = 20;

const FaultyClient = makeGenericClientConstructor(FAULTY, 'Faulty');
type Client = InstanceType<typeof FaultyClient>;

export interface CallerOptions {
  /** Concurrent calls. */
  readonly callers?: number;
  readonly quarantineMs?: number | undefined;
  readonly timeoutMs?: number;
}

/** A client of the fleet: it calls without pause, one unary or streaming call after another, by several callers. */
export class FaultCaller implements AsyncDisposable {
  readonly #client: Client;
  readonly #end = new AbortController();
  #running: Promise<unknown> = Promise.resolve();

  constructor(
    readonly registry: Registry,
    private readonly recorder: Recorder,
    { callers = 4, quarantineMs, timeoutMs = 5000 }: CallerOptions = {},
    readonly directory: Directory = createDirectory(registry),
  ) {
    const options = channelOptions(this.directory, { timeoutMs, ...(quarantineMs !== undefined && { quarantineMs }) });
    this.#client = new FaultyClient(`discovery:///${SERVICE}`, credentials.createInsecure(), options);
    this.#running = Promise.all(Array.from({ length: callers }, (_, i) => this.#call(i)));
  }

  /** Ids in its view. */
  get view(): string[] {
    const view = this.directory.view(SERVICE);
    return view.status === 'known' ? [...view.instances.keys()] : [];
  }

  /** Lets the running calls end. */
  async stop(): Promise<void> {
    this.#end.abort();
    await this.#running;
  }

  ask(): Promise<string> {
    const method = this.#client['Ask']!.bind(this.#client) as (...args: unknown[]) => void;
    return new Promise((resolve, reject) =>
      method('who', new Metadata(), {}, (error: ServiceError | null, id: string) =>
        error ? reject(error) : resolve(id),
      ),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.#client.close();
    await this.directory[Symbol.asyncDispose]();
    await this.registry[Symbol.asyncDispose]();
  }

  async #call(i: number): Promise<void> {
    const { signal } = this.#end;
    for (let n = i; !signal.aborted; n += 1) {
      await this.recorder.call(SERVICE, () => (n % STREAM_EVERY === 0 ? this.#follow() : this.ask()));
      await pause(PAUSE_MS);
    }
  }

  #follow(): Promise<string> {
    const method = this.#client['Follow']!.bind(this.#client) as (...args: unknown[]) => ClientReadableStream<string>;
    return new Promise((resolve, reject) => {
      const stream = method(`${MESSAGES}`, new Metadata(), { deadline: Date.now() + 10_000 });
      const heard: string[] = [];
      stream.on('data', (id: string) => heard.push(id));
      stream.on('error', reject);
      stream.on('end', () => {
        if (heard.length === MESSAGES) resolve(heard[0]!);
        else if (heard.length > 0) reject(new Error(`a stream of ${heard[0]} ended after ${heard.length} messages`));
      });
    });
  }
}
