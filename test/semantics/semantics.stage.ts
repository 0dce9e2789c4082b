import type { EventEmitter } from 'node:events';
import { Metadata, type Client, type ClientUnaryCall, type Server, type ServiceError } from '@grpc/grpc-js';
import {
  getClientToken,
  getServiceToken,
  RookeryModule,
  type AsyncClient,
  type CallOptions,
  type ClientFeatureOptions,
  type RookeryClient,
  type RookeryGrpcOptions,
} from 'rookery';
import { lastValueFrom, type Observable } from 'rxjs';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { NestStage } from '../support/nest-stage.js';
import { inBytes, semantics, type Bytes, type Contract, type Message, type Semantics } from './contract.js';
import { PerCall, ScopedController, Script, SemanticsController } from './controller.js';
import { errorRecord, outcomeOf, plain, type Outcome, type Plain } from './record.js';
import { MUX_PATH, SERVER_ROOT, TRANSPORTS, type Transport } from './transports.js';

export interface SemanticsOptions {
  readonly server?: Partial<RookeryGrpcOptions>;
  /** Of the client `semantics`; the others are named. */
  readonly client?: Partial<ClientFeatureOptions>;
  readonly clients?: Readonly<Record<string, Partial<ClientFeatureOptions>>>;
}

/** The methods as Nest's own clients have them. */
export type ObservableSemantics = {
  readonly [K in keyof Semantics]: (
    message: Message,
    ...rest: readonly (Metadata | object | undefined)[]
  ) => Observable<Message>;
};

type Done = (error: ServiceError | null, answer?: Message) => void;
/** As grpc-js makes them. */
export type RawSemantics = Client &
  Record<keyof Semantics, (message: Message, metadata: Metadata, options: object, done: Done) => ClientUnaryCall>;

interface BytesOnly {
  ask(message: Bytes): Promise<object>;
}

/** Whoever calls the server over one transport. */
export interface Caller {
  readonly transport: Transport;
  readonly client: RookeryClient<Contract>;
  readonly semantics: AsyncClient<Semantics>;
  readonly observables: ObservableSemantics;
  readonly raw: RawSemantics;
  /** Another client of the same application. */
  named(name: string): Caller;
  /** Writes bytes where a message should be, and reads none but an empty one. */
  inBytes(message: Bytes, options?: CallOptions): Promise<Outcome>;
}

/** One server, and a client application for each transport, in this process. */
export class SemanticsStage extends NestStage {
  readonly script = new Script();
  readonly #streams = new Map<string, number>();
  readonly #callers = new Map<Transport, Caller>();

  static async start(options: SemanticsOptions = {}): Promise<SemanticsStage> {
    const stage = new SemanticsStage();
    await stage.serve(options.server);
    for (const transport of TRANSPORTS) await stage.#addCaller(transport, options);
    return stage;
  }

  reset(): void {
    Object.assign(this.script, new Script());
  }

  caller(transport: Transport): Caller {
    return this.#callers.get(transport)!;
  }

  /** Starts one more instance of the service. */
  async serve(options: Partial<RookeryGrpcOptions> = {}, script: Script = this.script) {
    const module = this.module({
      root: SERVER_ROOT,
      controllers: [SemanticsController, ScopedController],
      providers: [PerCall, { provide: Script, useValue: script }],
    });
    const started = await this.listening({ service: semantics, ...options }, module);
    this.#countStreams((started.app as unknown as { unwrap(): Server }).unwrap());
    return started;
  }

  /**
   * Over what the calls went that `run` made: HTTP/2 streams at the server are one for each plain call, and one for all
   * that are multiplexed.
   */
  async wentOver(run: () => Promise<unknown>): Promise<'plain' | 'mux' | 'nothing'> {
    const before = this.#plainStreams();
    await run();
    if (this.#plainStreams() > before) return 'plain';
    return this.#streams.has(MUX_PATH) ? 'mux' : 'nothing';
  }

  async #addCaller(transport: Transport, { client = {}, clients = {} }: SemanticsOptions): Promise<void> {
    const features = Object.entries({ semantics: client, ...clients });
    const app = await this.#clients(
      transport,
      ...features.map(([name, own]) => ({ ...own, service: semantics, name })),
    );
    const bytes = await this.#clients(transport, { service: inBytes() });
    const writer: AsyncClient<BytesOnly> = bytes.get(getServiceToken('semantics', 'Semantics'));
    // The short deadlines of some cases are not for connecting.
    const ready = [
      ...features.map(([name]) => app.get<RookeryClient>(getClientToken(name))),
      bytes.get<RookeryClient>(getClientToken('semantics')),
    ];
    await Promise.all(ready.map((one) => one.waitForReady({ timeoutMs: 30_000 })));
    const named = (name: string): Caller => ({
      transport,
      ...facadesOf(app.get(getClientToken(name))),
      named,
      inBytes: (...args) => outcomeOf(writer.ask(...args)),
    });
    this.#callers.set(transport, named('semantics'));
  }

  #clients({ root }: Transport, ...features: ClientFeatureOptions[]) {
    return this.context(this.module({ root, imports: [RookeryModule.forFeature(features)], controllers: [] }));
  }

  #countStreams(server: Server): void {
    const { http2Servers } = server as unknown as { readonly http2Servers: ReadonlyMap<EventEmitter, unknown> };
    for (const http2 of http2Servers.keys())
      http2.on('stream', (_: unknown, headers: Record<string, string>) => {
        const path = headers[':path'] ?? '';
        this.#streams.set(path, (this.#streams.get(path) ?? 0) + 1);
      });
  }

  #plainStreams(): number {
    const entries = [...this.#streams].filter(([path]) => path.startsWith('/semantics.'));
    return entries.reduce((sum, [, count]) => sum + count, 0);
  }
}

function facadesOf(client: RookeryClient<Contract>) {
  return {
    client,
    semantics: client.getAsyncService('Semantics'),
    observables: client.getService<ObservableSemantics>('Semantics'),
    raw: client.getClientByServiceName<RawSemantics>('Semantics'),
  };
}

/** The events of a call that grpc-js shows beside the answer. */
export function rawOutcome(
  raw: RawSemantics,
  message: Message,
  { method = 'ask', metadata = new Metadata(), ...options }: { method?: keyof Semantics; metadata?: Metadata } = {},
): Promise<Plain> {
  return new Promise((resolve) => {
    const record: Record<string, Plain> = {};
    const call = raw[method](message, metadata, options, (error, answer) => {
      Object.assign(record, error ? errorRecord(error) : { answer: plain(answer) });
    });
    call.on('metadata', (initial: Metadata) => (record['initial'] = plain(initial)));
    // The last of them.
    call.on('status', ({ code, details, metadata: trailers }) => {
      record['status'] = { code, details, trailers: plain(trailers) };
      setImmediate(() => resolve(record));
    });
  });
}

/** How a call ends as a Promise, and how as an Observable. */
export async function both(
  { semantics: service, observables }: Caller,
  message: Message = {},
  { metadata, ...options }: Omit<CallOptions, 'metadata'> & { readonly metadata?: Metadata } = {},
): Promise<Readonly<Record<'promise' | 'observable', Outcome>>> {
  const promise = await outcomeOf(service.ask(message, { ...options, ...(metadata && { metadata }) }));
  return { promise, observable: await observed(observables.ask(message, metadata, options)) };
}

/** As `both`, behind the guard, the pipe, the interceptor and the filter. */
export async function piped({ semantics, observables }: Caller, message: Message = {}) {
  return { promise: await outcomeOf(semantics.piped(message)), observable: await observed(observables.piped(message)) };
}

export function twice<T>(expected: T): Readonly<Record<'promise' | 'observable', T>> {
  return { promise: expected, observable: expected };
}

export function observed(answers: Observable<unknown>): Promise<Outcome> {
  return outcomeOf(lastValueFrom(answers));
}

/** How the calls of a case have to travel: as the transport says, or in any way where there may be reasons for another. */
export type Over = 'transport' | 'any' | 'nothing';

interface Suite {
  readonly stage: SemanticsStage;
  /** A case: what `run` sees is the same over each transport, and it is what is expected. */
  readonly alike: (
    title: string,
    run: (caller: Caller, stage: SemanticsStage) => Promise<unknown>,
    expected: unknown,
    over?: Over,
  ) => void;
}

/** The cases of one file, over one server. */
export function suiteOf(options: SemanticsOptions = {}): Suite {
  let stage: SemanticsStage;
  beforeAll(async () => void (stage = await SemanticsStage.start(options)));
  afterEach(() => stage.reset());
  afterAll(() => stage?.close());
  return {
    get stage() {
      return stage;
    },
    alike(title, run, expected, over = 'transport') {
      it(title, async () => {
        const records: Plain[] = [];
        for (const transport of TRANSPORTS) {
          stage.reset();
          const went = await stage.wentOver(async () => records.push(plain(await run(stage.caller(transport), stage))));
          expect(records.at(-1), `over ${transport.name}`).toEqual(expected);
          if (over === 'transport') expect(went).toBe(transport.name);
          if (over === 'nothing') expect(went).not.toBe('plain');
        }
        for (const record of records) expect(record).toEqual(records[0]);
      });
    },
  };
}
