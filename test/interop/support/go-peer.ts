import { freePort } from 'rookery/testing';
import { GoProgram, type GoProgramName } from './go-program.js';
import { type Report, sameTally } from './report.js';

export interface GoOptions {
  readonly program: GoProgramName;
  /** host:port. */
  readonly etcd: string;
  readonly service: string;
  /** Where the service is kept in etcd; default the framework's own place. */
  readonly target?: string | undefined;
}

export interface GoServerOptions extends GoOptions {
  readonly name: string;
  readonly weight?: number;
  readonly group?: string;
}

/** A server in Go, registered by its framework. */
export interface GoServer {
  readonly address: string;
  kill(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

interface Ask {
  readonly n?: number;
  readonly ms?: number;
  readonly group?: string;
}

/** A client in Go. */
export interface GoClient {
  /** Calls one after the other. */
  ask(options?: Ask): Promise<Report>;
  /** Streams of `count` messages, with `ms` between them. */
  follow(options: Ask & { readonly count: number }): Promise<Report>;
  /** Calls from several workers until `unload`, which reports; the server takes 2 ms, which leave the machine to others. */
  load(): Promise<void>;
  unload(): Promise<Report>;
}

/** Of a server's lease: etcd has none that is shorter. */
const TTL = '2s';

/** Resolves when it is registered and serves. */
export async function startGoServer({ name, weight, group, ...options }: GoServerOptions): Promise<GoServer> {
  const args = [...argsOf(options), '--name', name, '--ttl', TTL, '--address', `127.0.0.1:${await freePort()}`];
  if (weight !== undefined) args.push('--weight', String(weight));
  if (group !== undefined) args.push('--group', group);
  const program = new GoProgram(options.program, ['serve', ...args]);
  const listening = new Promise<string>((resolve) => program.hear((told) => resolve(String(told['listening']))));
  const address = await Promise.race([listening, program.ended()]);
  return { address, kill: (signal) => program.kill(signal) };
}

/** Resolves when it has dialled, which says nothing of connections. */
export async function startGoClient(options: GoOptions): Promise<GoClient> {
  const program = new GoProgram(options.program, ['call', ...argsOf(options)]);
  const waiting = new Map<number, (report: Report) => void>();
  const dialled = new Promise<void>((resolve) => {
    program.hear((told) => {
      if (told['dialled']) resolve();
      else waiting.get(told['id'] as number)?.(told as unknown as Report);
    });
  });
  await Promise.race([dialled, program.ended()]);
  let commands = 0;
  const run = (command: Record<string, unknown>): Promise<Report> => {
    const id = (commands += 1);
    const answered = new Promise<Report>((resolve) => waiting.set(id, resolve));
    program.say({ ...command, id });
    return Promise.race([answered.then(sameTally), program.ended()]);
  };
  return {
    ask: (ask = {}) => run({ do: 'ask', ...ask }),
    follow: (ask) => run({ do: 'follow', ...ask }),
    load: async () => void (await run({ do: 'load', ms: 2 })),
    unload: () => run({ do: 'unload' }),
  };
}

function argsOf({ etcd, service, target }: GoOptions): string[] {
  return ['--etcd', etcd, '--service', service, ...(target === undefined ? [] : ['--target', target])];
}
