import { status, type sendUnaryData } from '@grpc/grpc-js';
import type { MuxMethod } from './mux-server.js';

/** Stands in for a method that the server does not have; the text is that of grpc-js. */
export function unknownMethod(path: string): MuxMethod {
  const refuse = (_: unknown, callback: sendUnaryData<unknown>) =>
    callback({
      code: status.UNIMPLEMENTED,
      details: `The server does not implement the method ${path.slice(path.lastIndexOf('/') + 1)}`,
    });
  const nothing = (): undefined => undefined;
  return { path, deserialize: nothing, serialize: () => Buffer.alloc(0), handle: refuse };
}
