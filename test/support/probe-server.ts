import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface ProbeOptions {
  /** Default the compiled `test/apps/probe-server.ts`. */
  readonly program?: string;
  /** The registry's URL; absent where it has none. */
  readonly registry?: string | undefined;
  readonly name: string;
  readonly service?: string;
  readonly mode?: 'micro' | 'hybrid';
  readonly url?: string;
  readonly weight?: number;
  readonly group?: string;
  /** Anything else, such as `ROOKERY_TTL_MS`. */
  readonly env?: NodeJS.ProcessEnv;
}

/** A Nest gRPC server in a process of its own. */
export interface ProbeServer {
  readonly pid: number;
  readonly port: number;
  /** What it has printed so far. */
  readonly output: readonly string[];
  /** Lets the application close by itself, then waits for the process. */
  close(): Promise<void>;
  /** Sends a signal; SIGTERM and SIGKILL also wait for the process. */
  kill(signal: NodeJS.Signals): Promise<void>;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Stops what a test left behind, by its pid. */
export async function stopProbes(): Promise<void> {
  await Promise.all(
    [...running].map(async (child) => {
      child.kill('SIGCONT');
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }),
  );
}

/** Starts the program; resolves when it listens. */
export async function startProbe(options: ProbeOptions): Promise<ProbeServer> {
  const child = fork(options.program ?? 'dist/test/apps/probe-server.js', [], {
    env: environment(options),
    // The runner's own flags would point the program at the sources.
    execArgv: [],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  running.add(child);
  const exited = once(child, 'exit').then(() => running.delete(child));
  const output: string[] = [];
  const port = await new Promise<number>((resolve, reject) => {
    for (const stream of [child.stdout!, child.stderr!]) {
      createInterface({ input: stream }).on('line', (line) => {
        output.push(line);
        const match = /^listening (\d+)$/.exec(line);
        if (match) resolve(Number(match[1]));
      });
    }
    void exited.then(() => reject(new Error(`${options.name} ended before it listened:\n${output.join('\n')}`)));
  });
  return {
    pid: child.pid!,
    port,
    output,
    async close() {
      child.send('close');
      await exited;
    },
    async kill(signal) {
      child.kill(signal);
      if (signal === 'SIGTERM' || signal === 'SIGKILL') await exited;
    },
  };
}

function environment({ registry, name, service, mode, url, weight, group, env }: ProbeOptions): NodeJS.ProcessEnv {
  const { VITEST: _v, JEST_WORKER_ID: _j, NODE_ENV: _n, ...inherited } = process.env;
  return {
    ...inherited,
    NO_COLOR: '1',
    ...(registry && { ROOKERY_REGISTRY: registry }),
    PROBE_NAME: name,
    ...(service && { PROBE_SERVICE: service }),
    ...(mode && { PROBE_MODE: mode }),
    ...(url && { PROBE_URL: url }),
    ...(weight !== undefined && { ROOKERY_WEIGHT: String(weight) }),
    ...(group !== undefined && { ROOKERY_GROUP: group }),
    ...env,
  };
}
