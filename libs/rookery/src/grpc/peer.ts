import { fromJSON } from '@grpc/proto-loader';
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';

/** One service that a server hosts, as `rookery.v1.Peer/Hello` names it. */
export interface HostedService {
  readonly name: string;
  readonly group: string;
  readonly id: string;
  readonly generation: string;
}

/** That a server takes calls over one stream, and how many and how large; docs/reference/mux.md. */
export interface MuxOffer {
  /** Of the frames. */
  readonly version: number;
  /** Calls at a time. */
  readonly maxConcurrent: number;
  /** Of a request, with its metadata, bytes. */
  readonly maxRequestBytes: number;
}

/** Who answers on a connection. */
export interface HelloResponse {
  /** The version of the peer protocol. */
  readonly version: number;
  readonly services: readonly HostedService[];
  /** Takes no new calls, whatever the registry says. */
  readonly draining: boolean;
  /** Absent, or null, where it does not. */
  readonly mux?: MuxOffer | null;
}

export interface HelloRequest {
  readonly version: number;
}

/**
 * `rookery.v1.Peer`, as a proto3 descriptor in the JSON of protobuf.js: a .proto file beside the code would need
 * `import.meta` to be found, which CommonJS users do not have. docs/reference/peer.proto is the same in proto.
 */
const DESCRIPTOR: Parameters<typeof fromJSON>[0] = {
  nested: {
    rookery: {
      nested: {
        v1: {
          nested: {
            Peer: { methods: { Hello: { requestType: 'HelloRequest', responseType: 'HelloResponse', comment: '' } } },
            HelloRequest: { fields: { version: { type: 'uint32', id: 1 } } },
            HelloResponse: {
              fields: {
                version: { type: 'uint32', id: 1 },
                services: { rule: 'repeated', type: 'HostedService', id: 2 },
                draining: { type: 'bool', id: 3 },
                mux: { type: 'MuxOffer', id: 4 },
              },
            },
            MuxOffer: {
              fields: {
                version: { type: 'uint32', id: 1 },
                maxConcurrent: { type: 'uint32', id: 2 },
                maxRequestBytes: { type: 'uint32', id: 3 },
              },
            },
            HostedService: {
              fields: {
                name: { type: 'string', id: 1 },
                group: { type: 'string', id: 2 },
                id: { type: 'string', id: 3 },
                generation: { type: 'string', id: 4 },
              },
            },
          },
        },
      },
    },
  },
};

export const PEER_SERVICE_NAME = 'rookery.v1.Peer';

interface PeerServiceDefinition extends ServiceDefinition {
  readonly Hello: MethodDefinition<HelloRequest, HelloResponse>;
}

/** For `server.addService(PEER_SERVICE, { Hello })`. */
export const PEER_SERVICE = fromJSON(DESCRIPTOR, { defaults: true, arrays: true })[
  PEER_SERVICE_NAME
] as unknown as PeerServiceDefinition;
