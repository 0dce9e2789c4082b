import { systemTime } from '../system/time.js';
import {
  Client,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  status,
  type ClientDuplexStream,
  type sendUnaryData,
  type ServerDuplexStream,
  type ServiceError,
  type StatusObject,
} from '@grpc/grpc-js';
import { createInstance } from '../core/instance.js';
import type { Outcome } from '../core/call.js';
import { CallCapture } from '../grpc/capture.js';
import type { CarrierLink, MessageStream, StreamListener } from '../grpc/carrier.js';
import { fakeTime } from '../testing/fake-time.js';
import { FrameWriter } from './frame-writer.js';
import { FrameCursor, MUX_PATH } from './frames.js';
import { MuxCall } from './client/mux-call.js';
import { MuxStream } from './client/mux-stream.js';
import { MUX_SERVICE, MuxServer, type MuxServerOptions } from './server/mux-server.js';
import type { MuxServerCall } from './server/server-call.js';

export interface Frame {
  readonly type: number;
  readonly flags?: number;
  readonly code?: number;
  readonly id?: number;
  readonly body?: string | Buffer;
}

/** One message of frames, as a peer sends it. */
export function batchOf(...frames: readonly Frame[]): Buffer {
  const writer = new FrameWriter();
  for (const { type, flags = 0, code = 0, id = 0, body = '' } of frames) {
    const bytes = Buffer.from(body);
    writer.frame(type, flags, code, id, bytes.length);
    writer.body(bytes);
  }
  return Buffer.concat(writer.take());
}

const TYPES = ['', 'SETTINGS', 'NAME', 'REQUEST', 'CANCEL', 'RESPONSE', 'GOAWAY'];

/** Each frame as `TYPE+flags code #id body`, so that a spec can compare lists of them. */
export function shown(batch: Buffer): string[] {
  const cursor = new FrameCursor(batch);
  const frames: string[] = [];
  while (cursor.next()) {
    const { type, flags, code, id, start, end } = cursor;
    const body = TYPES[type] === 'SETTINGS' ? '' : batch.toString('latin1', start, end);
    frames.push(`${TYPES[type] ?? type}${flags ? `+${flags}` : ''} ${code} #${id} ${body}`.trim());
  }
  return frames;
}

export const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

const open: (() => unknown)[] = [];

/** Closes whatever the spec has opened, the last one first. */
export async function closeAll(): Promise<void> {
  for (const close of open.splice(0).toReversed()) await close();
}

async function bound(server: Server): Promise<string> {
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, p) =>
      error ? reject(error) : resolve(p),
    ),
  );
  open.push(() => server.forceShutdown());
  return `127.0.0.1:${port}`;
}

function clientOf(address: string): Client {
  const client = new Client(address, credentials.createInsecure());
  open.push(() => client.close());
  return client;
}

const passed = (bytes: Buffer) => bytes;

/** A mux server with the methods Echo and Hold, and a client of it that writes its frames by hand. */
export async function rawClient(options: Partial<MuxServerOptions> = {}, header?: [string, string]) {
  const time = fakeTime();
  const mux = new MuxServer({
    time,
    maxConcurrent: 8,
    maxRequestBytes: 1024,
    maxSendBytes: -1,
    metadata: (_, given) => given as Metadata,
    text: String,
    ...options,
  });
  const held: { call: MuxServerCall; done: sendUnaryData<unknown>; cancelled: string[] }[] = [];
  const add = (path: string, handle: (call: MuxServerCall, done: sendUnaryData<unknown>) => void) =>
    mux.add({ path, deserialize: String, serialize: (value) => Buffer.from(value as string), handle });
  add('/s.S/Echo', (call, done) => done(null, call.request));
  add('/s.S/Hold', (call, done) => {
    const cancelled: string[] = [];
    held.push({ call, done, cancelled });
    call.on('cancelled', (reason: string) => cancelled.push(reason));
  });
  const server = new Server();
  server.addService(MUX_SERVICE, { Calls: mux.accept });
  const metadata = new Metadata();
  if (header) metadata.set(...header);
  const grpc = clientOf(await bound(server));
  const client = () => grpc.makeBidiStreamRequest(MUX_PATH, passed, passed, metadata);
  const stream = client();
  const another = () => listening(client());
  return { ...listening(stream), stream, client, another, mux, time, held, add };
}

function listening(stream: ClientDuplexStream<Buffer, Buffer>) {
  /** All frames but SETTINGS. */
  const got: string[] = [];
  const settings: Buffer[] = [];
  stream.on('data', (batch: Buffer) => {
    const all = shown(batch);
    if (all[0]?.startsWith('SETTINGS')) settings.push(batch);
    got.push(...all.filter((frame) => !frame.startsWith('SETTINGS')));
  });
  stream.on('error', () => {});
  const ended = new Promise<StatusObject>((resolve) => stream.on('status', resolve));
  return { got, settings, ended, send: (...frames: readonly Frame[]) => void stream.write(batchOf(...frames)) };
}

/** A server that answers with whatever frames the spec says, and the client's side of a stream to it. */
export async function scriptedServer(
  parts: { maxConcurrent?: number; maxResponseBytes?: number; serves?: boolean } = {},
) {
  const { maxConcurrent = 8, maxResponseBytes = 1 << 20, serves = true } = parts;
  const time = fakeTime();
  const server = new Server();
  const got: string[] = [];
  const streams: ServerDuplexStream<Buffer, Buffer>[] = [];
  const acts: ((stream: ServerDuplexStream<Buffer, Buffer>) => void)[] = [];
  const seen = { ended: 0, cancelled: 0, draining: 0 };
  if (serves)
    server.addService(MUX_SERVICE, {
      Calls: (stream: ServerDuplexStream<Buffer, Buffer>) => {
        streams.push(stream);
        const act = acts.shift();
        if (act) stream.once('data', () => act(stream));
        stream.on('data', (batch: Buffer) => got.push(...shown(batch)));
        stream.on('end', () => (seen.ended += 1));
        stream.on('cancelled', () => (seen.cancelled += 1));
        stream.on('error', () => {});
      },
    });
  const client = clientOf(await bound(server));
  const outcomes: Outcome[] = [];
  const link: CarrierLink = {
    instance: createInstance({ id: 'i', service: 's', address: '127.0.0.1:1' }),
    offer: { version: 1, maxConcurrent, maxRequestBytes: 1 << 20 },
    open: (path, listener) => streamOf(client, path, listener),
    callStarted: (record) => (record.attempts += 1),
    callEnded: (_, outcome) => (outcomes.push(outcome), false),
    draining: () => (seen.draining += 1),
  };
  const ends: (StatusObject | object | undefined)[] = [];
  const stream = new MuxStream({
    link,
    time,
    maxResponseBytes,
    random: () => 0,
    onIdle: () => {},
    onEnd: (error) => ends.push(error),
  });
  const say = (...frames: readonly Frame[]) => void streams.at(-1)!.write(batchOf(...frames));
  /** Another stream with calls, to which the server does something at its first message. */
  const another = (texts: readonly string[], act: (stream: ServerDuplexStream<Buffer, Buffer>) => void) => {
    acts.push(act);
    let calls: StagedCall[] = [];
    const ended = new Promise<void>((resolve) => {
      const next = new MuxStream({
        link,
        time,
        maxResponseBytes,
        random: () => 0,
        onIdle: () => {},
        onEnd: () => setImmediate(resolve),
      });
      calls = texts.map((text) => caller(next, () => time.now())(text));
    });
    return { calls, ended };
  };
  return { stream, time, got, streams, say, seen, outcomes, ends, another, call: caller(stream, () => time.now()) };
}

function streamOf(client: Client, path: string, listener: StreamListener): MessageStream {
  const stream = client.makeBidiStreamRequest(path, passed, passed, new Metadata());
  stream.on('data', (batch: Buffer) => {
    stream.pause();
    listener.onMessage(batch);
  });
  stream.on('error', () => {});
  stream.on('status', (ended: StatusObject) => listener.onEnd({ ...ended, refused: false }));
  return {
    write: (framed, written) => void stream.write(framed.subarray(5), written),
    read: () => void stream.resume(),
    end: () => stream.end(),
    cancel: () => stream.cancel(),
  };
}

export interface StagedCall {
  readonly call: MuxCall;
  /** Whether the stream took it. */
  readonly sent: boolean;
  /** What it was told, in a text; `plain` where it went on through grpc-js. */
  readonly told: string[];
  readonly error: () => ServiceError | undefined;
}

type CallParts = { path?: string; timeoutMs?: number | undefined; metadata?: Buffer };

/** Makes calls on a stream. */
export function caller(stream: MuxStream, now: () => number) {
  return (text: string | Buffer, { path = '/s.S/Echo', timeoutMs, metadata }: CallParts = {}): StagedCall => {
    const told: string[] = [];
    let failure: ServiceError | undefined;
    const call = new MuxCall(
      {
        method: {
          path,
          serialize: (message) => message as Buffer,
          deserialize: String,
          plain: () => (told.push('plain'), { cancel: () => {} }),
        },
        captured: {
          record: { deadline: timeoutMs === undefined ? Infinity : now() + timeoutMs, attempts: 0, madeAt: now() },
          time: {},
          made: undefined,
        },
        request: text,
        metadata: undefined,
        options: {},
        answered: (error, value) => {
          failure = error ?? undefined;
          told.push(error ? `${status[error.code]}: ${error.details}` : (value as string));
        },
      },
      { service: 's', capture: new CallCapture({ timeoutMs: 0, time: systemTime }) },
    );
    const sent = stream.send(call, Buffer.from(text), metadata);
    return { call, sent, told, error: () => failure };
  };
}
