import { Metadata, type CallOptions } from '@grpc/grpc-js';
import type { CallClient, Ongoing, StartUnary, UnaryMethod } from '../../grpc/unary-call.js';
import type { Endpoint } from '../../core/endpoint.js';
import type { SubchannelConnection } from '../../grpc/connection.js';
import { encodeMetadata } from '../metadata-section.js';
import { MuxCall } from './mux-call.js';
import type { MuxChannel } from './mux-channel.js';
import type { MuxConnection } from './mux-connection.js';

/** Makes the calls of one client with its defaults. */
export class MuxCaller {
  constructor(
    private readonly channel: MuxChannel,
    private readonly client: CallClient,
  ) {}

  unary(method: UnaryMethod): StartUnary {
    const { path, plain } = method;
    const { channel, client } = this;
    const { service, capture } = client;
    return (request, metadata, options, answered) => {
      const { balancer } = channel;
      if (asksForGrpc(options)) return plain({ request, metadata: metadata ?? new Metadata(), options, answered });
      const captured = capture.capture(options, { service, path, unary: true, metadata });
      const call = new MuxCall({ method, captured, request, metadata, options, answered }, client);
      const { record } = captured;
      if (!balancer || captured.failure || record.deadline <= record.madeAt!) return call.goPlain();
      const picked = balancer.pick(record);
      // It waits, or is told why it cannot, where all calls do.
      if (!('pick' in picked)) return call.goPlain();
      return this.#sent(call, picked.pick, request, metadata);
    };
  }

  #sent(call: MuxCall, endpoint: Endpoint, request: unknown, metadata: Metadata | undefined): Ongoing {
    const { record } = call.captured;
    const carrier = (endpoint.connection as SubchannelConnection).carrier as MuxConnection | undefined;
    record.preset = endpoint;
    if (!carrier) return call.goPlain();
    let bytes: Buffer;
    let section: Buffer | undefined;
    try {
      bytes = call.method.serialize(request);
      if (metadata || record.lane !== undefined) section = encodeMetadata(metadata, record.lane);
    } catch {
      // It says so in its own words.
      return call.goPlain();
    }
    const size = bytes.length + (section?.length ?? 0);
    call.bytes = bytes;
    if (bytes.length > this.channel.maxMessageBytes || size > carrier.maxRequestBytes) return call.goPlain();
    if (metadata) call.metadata = metadata.clone();
    if (!carrier.send(call, bytes, section)) return call.goPlain();
    record.preset = undefined;
    return call;
  }
}

/** What only grpc-js can do for a single call. */
function asksForGrpc({ credentials, interceptors, interceptor_providers, host, parent, propagate_flags }: CallOptions) {
  return Boolean(credentials || interceptors || interceptor_providers || host || parent || propagate_flags);
}
