import http2, { type ClientHttp2Session } from 'node:http2';
import { syncBuiltinESMExports } from 'node:module';

/** When this process sent which request: a unary call, or the opening of a stream. */
export interface Sent {
  /** Monotonic ms. */
  readonly at: number;
  /** Such as `/etcdserverpb.KV/Txn`. */
  readonly path: string;
}

/** Notes every gRPC request that leaves this process over connections that are opened while it listens. */
export class RequestLog implements Disposable {
  readonly sent: Sent[] = [];
  readonly #connect = http2.connect;

  constructor() {
    const listen = (session: ClientHttp2Session) => this.#listen(session);
    const original = this.#connect as (...args: unknown[]) => ClientHttp2Session;
    http2.connect = ((...args: unknown[]) => listen(original(...args))) as typeof http2.connect;
    syncBuiltinESMExports();
  }

  /** Per 100 ms, from a moment on until another; those without any are among them. */
  rates(from: number, to: number): number[] {
    const counts = Array.from({ length: Math.ceil((to - from) / SLOT_MS) }, () => 0);
    for (const { at } of this.sent) if (at >= from && at < to) counts[Math.floor((at - from) / SLOT_MS)]! += 1;
    return counts;
  }

  [Symbol.dispose](): void {
    http2.connect = this.#connect;
    syncBuiltinESMExports();
  }

  #listen(session: ClientHttp2Session): ClientHttp2Session {
    const request = session.request.bind(session);
    session.request = (headers, options) => {
      const path = (headers as Record<string, unknown> | undefined)?.[':path'];
      this.sent.push({ at: performance.now(), path: String(path) });
      return request(headers, options);
    };
    return session;
  }
}

const SLOT_MS = 100;
