import { Server, ServerCredentials, status, type ServerUnaryCall, type ServerWritableStream } from '@grpc/grpc-js';
import { createInstance, type Registration, type Registry } from 'rookery/core';
import { PEER_SERVICE } from 'rookery/grpc';
import { startTcpProxy, type Recorder, type TcpProxy } from 'rookery/testing';
import { FAULTY, SERVICE } from './service.js';
import { pause } from './pause.js';

/** Between the messages of a stream, ms. */
const MESSAGE_MS = 10;

let made = 0;

/** A server of a fleet in this process, behind a network of its own, registered by a registry of its own. */
export class FaultInstance implements AsyncDisposable {
  /** Calls that its handlers began. */
  handled = 0;
  /** What it says of itself. */
  draining = false;

  private constructor(
    readonly id: string,
    readonly registration: Registration,
    readonly registry: Registry,
    readonly proxy: TcpProxy,
    private readonly server: Server,
    private readonly recorder: Recorder,
  ) {}

  /** Starts it; resolves once it is registered. */
  static async start(registry: Registry, recorder: Recorder, service = SERVICE): Promise<FaultInstance> {
    const id = `i${process.pid}-${(made += 1)}`;
    const generation = `g-${id}`;
    const server = new Server();
    let self: FaultInstance | undefined;
    serve(server, id, () => self!);
    const hosted = { name: service, group: '', id, generation };
    server.addService(PEER_SERVICE, {
      Hello: (_: unknown, done: (error: null, answer: object) => void) =>
        done(null, { version: 1, services: [hosted], draining: self?.draining ?? false }),
    });
    const port = await bind(server);
    const proxy = await startTcpProxy(`127.0.0.1:${port}`);
    const entry = createInstance({ id, generation, service, address: proxy.host, peer: 1 });
    const registration = registry.register(entry);
    self = new FaultInstance(id, registration, registry, proxy, server, recorder);
    await registration.registered;
    recorder.step(service, id, 'started');
    return self;
  }

  /** Leaves as a server does, and goes on serving for longer than anybody may still call it. */
  async leave(): Promise<void> {
    this.recorder.step(SERVICE, this.id, 'leaving');
    this.draining = true;
    let acknowledged = true;
    this.registry.events.on((event) => {
      if (event.type === 'registration.changed' && event.state === 'released') acknowledged = event.error === undefined;
    });
    await this.registration[Symbol.asyncDispose]();
    if (acknowledged) this.recorder.step(SERVICE, this.id, 'left');
    await pause(3 * this.registry.capabilities.propagationMs);
    await new Promise<void>((resolve) => this.server.tryShutdown(() => resolve()));
    await this[Symbol.asyncDispose]();
  }

  /** The network to it breaks. */
  break(how: 'cut' | 'blackHole' | 'halfOpen'): void {
    this.recorder.step(SERVICE, this.id, 'broken');
    this.proxy[how]();
  }

  /** Calls that meet what is left of the fault still fail by it. */
  async mend(): Promise<void> {
    this.proxy.heal();
    await pause(200);
    this.recorder.step(SERVICE, this.id, 'mended');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.forceShutdown();
    await this.proxy.stop();
    await this.registry[Symbol.asyncDispose]();
  }
}

function serve(server: Server, id: string, self: () => FaultInstance): void {
  server.addService(FAULTY, {
    Ask: (_: ServerUnaryCall<string, string>, done: (error: null, answer: string) => void) => {
      self().handled += 1;
      done(null, id);
    },
    Follow: (call: ServerWritableStream<string, string>) => {
      self().handled += 1;
      void follow(call, id);
    },
  });
}

async function follow(call: ServerWritableStream<string, string>, id: string): Promise<void> {
  for (let left = Number(call.request); left > 0 && !call.cancelled; left -= 1) {
    call.write(id);
    await pause(MESSAGE_MS);
  }
  if (call.cancelled) call.emit('error', { code: status.CANCELLED });
  else call.end();
}

function bind(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    const credentials = ServerCredentials.createInsecure();
    server.bindAsync('127.0.0.1:0', credentials, (error, port) => (error ? reject(error) : resolve(port)));
  });
}
