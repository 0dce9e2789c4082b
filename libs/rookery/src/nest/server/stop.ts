import type { Registry } from '../../core/registry.js';
import { pause, within, type Time } from '../../core/time.js';
import type { RookeryGrpcServer } from './rookery-grpc.server.js';

/** Deregistration may take this long, ms; the lease ends what is left. */
const WITHDRAW_MS = 2000;
/** No new call for this long, ms, is quiet. */
const QUIET_MS = 300;
/** Quiet is not waited for longer than this, ms. */
const QUIET_LIMIT_MS = 5000;

export interface StopSettings {
  readonly registry: Registry;
  readonly time: Time;
  /** For running calls, ms. */
  readonly drainMs: number;
}

/**
 * The order of a stop: deregister, and serve until clients have heard of it; then take no new calls and let the running
 * ones end; then end them. Each step is bounded.
 */
export async function stopServer(server: RookeryGrpcServer, { registry, time, drainMs }: StopSettings): Promise<void> {
  const { hosted } = server;
  if (hosted) {
    hosted.draining = true;
    // A deregistration that fails is ended by its lease, like one that takes too long.
    const withdrawn = within(time, WITHDRAW_MS, hosted.withdraw()).catch(() => undefined);
    await Promise.all([withdrawn, hosted.published && quiet(server, time, registry.capabilities.propagationMs)]);
  }
  await within(time, drainMs, server.drain());
  server.forceShutdown();
}

/**
 * A server that nobody has called, nor asked who it is, need not wait: a foreign client that is connected and calls only
 * now is refused before its call is processed, and grpc sends it elsewhere.
 */
async function quiet(server: RookeryGrpcServer, time: Time, propagationMs: number): Promise<void> {
  const start = time.now();
  while (server.lastCallAt !== undefined) {
    const now = time.now();
    const left = Math.max(start + propagationMs - now, server.lastCallAt + QUIET_MS - now);
    if (left <= 0 || now - start >= QUIET_LIMIT_MS) return;
    await pause(time, Math.min(left, start + QUIET_LIMIT_MS - now), NEVER);
  }
}

const NEVER = new AbortController().signal;
