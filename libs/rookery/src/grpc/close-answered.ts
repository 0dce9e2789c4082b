import type { ServerHttp2Stream } from 'node:http2';
import type { ServerDuplexStream } from '@grpc/grpc-js';

/** Where grpc-js keeps the stream of a call, behind the interceptors of its server; private, so any of it may be missing. */
interface Carried {
  readonly stream?: Pick<ServerHttp2Stream, 'once' | 'close'>;
  readonly nextCall?: Carried;
}

/**
 * Closes a stream once its status has been sent, though the client has not ended its half. grpc-js waits for that, for ever
 * where the client is frozen, and its connection waits with it. For a stream that is about to end.
 */
export function closeAnswered(answered: ServerDuplexStream<never, never>): void {
  let { call } = answered as unknown as { readonly call?: Carried };
  while (call && !call.stream) call = call.nextCall;
  const stream = call?.stream;
  // grpc-js sends the status in a listener of its own, in this turn.
  stream?.once('wantTrailers', () => setImmediate(() => stream.close()));
}
