import type { ServerHttp2Stream } from 'node:http2';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { Time } from '../core/time.js';

/** Where grpc-js keeps the stream of a call, behind the interceptors of its server; private, so any of it may be missing. */
interface Carried {
  readonly stream?: Pick<ServerHttp2Stream, 'once' | 'close'>;
  readonly nextCall?: Carried;
}

/** Who is alive ends his half within this long of the status, ms. */
const LINGER_MS = 500;

/**
 * Closes a stream whose client does not end its half once it has the status. grpc-js waits for that, for ever where the client
 * is frozen, and the connection waits with it. For a stream that is about to end.
 */
export function closeAnswered(answered: ServerDuplexStream<Buffer, Buffer>, time: Time): void {
  let { call } = answered as unknown as { readonly call?: Carried };
  while (call && !call.stream) call = call.nextCall;
  const stream = call?.stream;
  stream?.once('wantTrailers', () => void time.after(LINGER_MS, () => stream.close()));
}
