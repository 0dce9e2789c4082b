import type { Client, Metadata, CallOptions, MethodDefinition, requestCallback } from '@grpc/grpc-js';
import { prepare } from '../../grpc/capturing.js';
import { isInstrumented } from '../../grpc/instrumented.js';
import type { MuxCaller } from '../../mux/client/mux-caller.js';
import type { CallClient, Ongoing, PlainCall, StartUnary } from '../../grpc/unary-call.js';

type UnaryMethod = MethodDefinition<unknown, unknown> &
  ((request: unknown, metadata: Metadata, options: CallOptions, answered: requestCallback<unknown>) => Ongoing);

/** Who makes the calls of a client. */
export interface UnaryCaller extends CallClient {
  /** Absent where each goes by itself. */
  readonly mux?: MuxCaller | undefined;
}

/** Makes the calls of a unary method of a client. */
export function unaryOf(client: Client, name: string, caller: UnaryCaller): StartUnary {
  const method = (client as unknown as Record<string, UnaryMethod>)[name]!;
  const { path, requestSerialize: serialize, responseDeserialize: deserialize } = method;
  const plain = ({ request, bytes, metadata, options, answered }: PlainCall): Ongoing =>
    bytes
      ? client.makeUnaryRequest(path, () => bytes, deserialize, request, metadata, options, answered)
      : method.call(client, request, metadata, options, answered);
  if (caller.mux && !isInstrumented(client, name)) return caller.mux.unary({ path, serialize, deserialize, plain });
  const { service, capture } = caller;
  return (request, metadata, options, answered) => {
    const captured = capture.capture(options, { service, path, unary: true, metadata });
    return plain({ request, ...prepare(capture, captured, metadata, options), answered });
  };
}
