import type { DialectChoice, EtcdOptions } from 'rookery/etcd';
import type { GoProgramName } from './go-program.js';

/** A framework in Go, and how Rookery and it find each other. */
export interface Peer {
  /** For the titles of specs. */
  readonly name: string;
  readonly program: GoProgramName;
  /** Where the framework keeps a service; absent = its own place. */
  readonly target?: (service: string) => string;
  /** What `etcd()` needs beside the hosts. */
  readonly etcd: Partial<EtcdOptions>;
}

export const GRPC_GO: Peer = { name: 'grpc-go', program: 'grpcgo', etcd: {} };

export const GRPC_GO_ELSEWHERE: Peer = {
  name: 'grpc-go with a target of its own',
  program: 'grpcgo',
  target: (service) => `grpc-demo/grpc/${service}`,
  etcd: dialects({ dialect: 'grpc-go', prefix: 'grpc-demo/grpc/<service>' }),
};

export const MICRO: Peer = { name: 'a framework of its own', program: 'micro', etcd: dialects('micro') };
export const KRATOS: Peer = { name: 'kratos', program: 'kratos', etcd: dialects('kratos') };
export const GO_ZERO: Peer = { name: 'go-zero', program: 'gozero', etcd: dialects('go-zero') };

export const PEERS: readonly Peer[] = [GRPC_GO, GRPC_GO_ELSEWHERE, MICRO, KRATOS, GO_ZERO];

function dialects(dialect: DialectChoice): Partial<EtcdOptions> {
  return { read: ['rookery', dialect], write: ['rookery', dialect] };
}
