import { createServer } from 'node:net';
import type { Server, ServerCredentials } from '@grpc/grpc-js';
import { messageOf } from '../../core/errors.js';
import { isProduction } from '../../system/production.js';
import { systemTime } from '../../system/time.js';
import { unbound } from './unbound.js';

/** Where a server listens. */
export type Bound = { readonly host: string; readonly port: number } | { readonly path: string };

/**
 * In development, a port that is taken is tried again for this long, ms: `nest start --watch` starts the next process
 * while the last one is still stopping.
 */
const TAKEN_MS = 1500;
const RETRY_MS = 50;

/**
 * Makes a server that listens at `host:port`, where port 0 takes a free one, or `unix:path`.
 * @throws {RookeryError} ROOKERY_SERVER_UNBOUND
 */
export async function bind(
  make: () => Server,
  url: string,
  credentials: ServerCredentials,
  urlFrom: string,
): Promise<{ readonly server: Server; readonly bound: Bound }> {
  const first = make();
  try {
    return { server: first, bound: boundAt(url, await tryBind(first, url, credentials)) };
  } catch (cause) {
    first.forceShutdown();
    const taken = messageOf(cause).includes('EADDRINUSE') && !isProduction(process.env);
    if (!taken || !(await becomesFree(url))) throw unbound(url, cause, urlFrom);
  }
  // A new one: grpc-js remembers that a server could not listen at a place, and never tries it again.
  const second = make();
  try {
    return { server: second, bound: boundAt(url, await tryBind(second, url, credentials)) };
  } catch (cause) {
    second.forceShutdown();
    throw unbound(url, cause, urlFrom);
  }
}

async function becomesFree(url: string): Promise<boolean> {
  const bound = boundAt(url, Number(url.slice(url.lastIndexOf(':') + 1)));
  const end = systemTime.now() + TAKEN_MS;
  while (systemTime.now() < end) {
    // Unlike the timers of `systemTime` this one holds the process: nothing else may, before there is a server.
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    if (await isFree(bound)) return true;
  }
  return false;
}

function isFree(bound: Bound): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer().once('error', () => resolve(false));
    probe.listen(bound, () => probe.close(() => resolve(true)));
  });
}

function tryBind(server: Server, url: string, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(url, credentials, (error, port) => (error ? reject(error) : resolve(port)));
  });
}

function boundAt(url: string, port: number): Bound {
  // `unix:///absolute` is gRPC's other spelling.
  if (url.startsWith('unix:')) return { path: url.replace(/^unix:(\/\/)?/, '') };
  const host = url.slice(0, url.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1');
  return { host, port };
}
