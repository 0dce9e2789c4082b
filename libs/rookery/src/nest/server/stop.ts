import { status } from '@grpc/grpc-js';
import type { Registry } from '../../core/registry.js';
import { LATE, pause, within, type Time } from '../../core/time.js';
import type { ServerParts } from './hosted-server.js';
import type { RunningCalls } from './running-calls.js';

/** Deregistration may take this long, ms; the lease ends what is left. */
const WITHDRAW_MS = 2000;
/** No new call for this long, ms, is quiet. */
const QUIET_MS = 300;
/** Quiet is not waited for longer than this, ms. */
const QUIET_LIMIT_MS = 5000;
/** For the status of calls that are ended to reach their clients, ms. */
const FLUSH_MS = 200;
/** For clients that have been sent everything to close their connections, ms; only frozen ones, and dead ones, do not. */
const LINGER_MS = 500;
/** Between two looks whether everything has been sent, ms. */
const LOOK_MS = 50;

/** What the clients of calls that are ended see; UNAVAILABLE, since another instance may serve them. */
const STOPPED = { code: status.UNAVAILABLE, details: 'the server stops' };

/** A server that can be ended. */
export interface StoppableServer {
  /** Of the user's methods. */
  readonly calls: Pick<RunningCalls, 'end'>;
  /** When the last call came in, monotonic ms; absent while none has. */
  readonly lastCallAt: number | undefined;
  /** How many connections of clients are open. */
  readonly sessions: number;
  /** It drains, and every client has been sent everything; those that are alive close their connections now. */
  readonly spent: boolean;
  /** Tells clients to send their calls elsewhere; those that still come are served. */
  goAway(): void;
  /** Ends the streams that would never end by themselves, and that nobody misses. */
  endAsides(): void;
  /** Takes no new calls; resolves when the running ones have ended. */
  drain(): Promise<void>;
  forceShutdown(): void;
}

/** The server, and what there is of it once it has listened. */
export interface Stopping extends Partial<ServerParts> {
  readonly server: StoppableServer;
}

export interface StopSettings {
  readonly registry: Registry;
  readonly time: Time;
  /** For running calls, ms. */
  readonly drainMs: number;
  /** Of that, for streams, ms. */
  readonly streamMs: number;
  /** Aborts when nothing is to be waited for any more. */
  readonly force?: AbortSignal | undefined;
}

/**
 * The order of a stop: out of rotation, and serve until clients have heard of it; then take no new calls and let the
 * running ones end; then end them. Each step is bounded.
 */
export async function stopServer(stopping: Stopping, settings: StopSettings): Promise<void> {
  const { server } = stopping;
  const { time, drainMs, force } = settings;
  const streamMs = Math.min(settings.streamMs, drainMs);
  using forced = abortion(force);
  const wait = (ms: number, promise: Promise<unknown>) => Promise.race([within(time, ms, promise), forced.promise]);
  await Promise.race([withdraw(stopping, settings), forced.promise]);
  server.endAsides();
  const ended = new AbortController();
  const drained = Promise.race([server.drain(), spent(server, time, ended.signal)]);
  if ((await wait(streamMs, drained)) === LATE) {
    server.calls.end(STOPPED, 'streams');
    if ((await wait(drainMs - streamMs, drained)) === LATE) {
      server.calls.end(STOPPED);
      await within(time, FLUSH_MS, drained);
    }
  }
  ended.abort();
  server.forceShutdown();
}

/** grpc-js waits until the other side has closed its end of each connection, for ever where that is frozen. */
async function spent(server: StoppableServer, time: Time, signal: AbortSignal): Promise<void> {
  while (!server.spent && !signal.aborted) await pause(time, LOOK_MS, signal);
  await pause(time, LINGER_MS, signal);
}

/** Tells everybody, and waits until they have heard it. */
async function withdraw({ server, hosted, rotation }: Stopping, { registry, time }: StopSettings): Promise<void> {
  if (!hosted) return;
  rotation?.end();
  server.goAway();
  // A deregistration that fails is ended by its lease, like one that takes too long.
  const withdrawn = within(time, WITHDRAW_MS, hosted.withdraw()).catch(() => undefined);
  // Where no registry tells anybody, they hear it by asking for its health, such as Kubernetes.
  const hearingMs = hosted.published ? registry.capabilities.propagationMs : QUIET_MS;
  await Promise.all([withdrawn, quiet(server, time, hearingMs)]);
}

/** Where no client is connected, nobody has to hear of it. */
async function quiet(server: StoppableServer, time: Time, hearingMs: number): Promise<void> {
  const start = time.now();
  while (server.sessions > 0) {
    const now = time.now();
    const quietAt = server.lastCallAt === undefined ? start : server.lastCallAt + QUIET_MS;
    const left = Math.max(start + hearingMs, quietAt) - now;
    if (left <= 0 || now - start >= QUIET_LIMIT_MS) return;
    await pause(time, Math.min(left, start + QUIET_LIMIT_MS - now));
  }
}

/** LATE when the signal aborts. */
function abortion(signal: AbortSignal | undefined): Disposable & { readonly promise: Promise<typeof LATE> } {
  let abort!: () => void;
  const promise = new Promise<typeof LATE>((resolve) => (abort = () => resolve(LATE)));
  if (signal?.aborted) abort();
  else signal?.addEventListener('abort', abort);
  return { promise, [Symbol.dispose]: () => signal?.removeEventListener('abort', abort) };
}
