import { Client, Metadata, type CallOptions, type MethodDefinition, type requestCallback } from '@grpc/grpc-js';
import { isInstrumented } from '../../grpc/instrumented.js';
import type { MuxCaller, StartUnary } from '../../mux/client/mux-caller.js';
import type { Ongoing, PlainCall } from '../../mux/client/mux-call.js';

type UnaryMethod = MethodDefinition<unknown, unknown> &
  ((request: unknown, metadata: Metadata, options: CallOptions, answered: requestCallback<unknown>) => Ongoing);

/** Makes the calls of a unary method of a client: over mux, where there is a caller for that. */
export function unaryOf(client: Client, name: string, caller?: MuxCaller): StartUnary {
  const method = (client as unknown as Record<string, UnaryMethod>)[name]!;
  const { path, requestSerialize, responseDeserialize } = method;
  const plain = ({ request, bytes, metadata = new Metadata(), options, answered }: PlainCall): Ongoing =>
    bytes
      ? client.makeUnaryRequest(path, () => bytes, responseDeserialize, request, metadata, options, answered)
      : method.call(client, request, metadata, options, answered);
  if (caller && !isInstrumented(client, name) && !isInstrumented(client, 'makeUnaryRequest'))
    return caller.unary({ path, serialize: requestSerialize, deserialize: responseDeserialize, plain });
  return (request, metadata, options, answered) => plain({ request, bytes: undefined, metadata, options, answered });
}
