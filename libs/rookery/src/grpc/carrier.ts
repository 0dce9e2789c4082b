import type { Metadata, status } from '@grpc/grpc-js';
import type { Balancer } from '../core/balancer.js';
import type { CallRecord, Outcome } from '../core/call.js';
import type { ServiceInstance } from '../core/instance.js';
import type { MuxOffer } from './peer.js';

/** Carries calls over one verified connection beside grpc-js, which pays for a stream of HTTP/2 with every call. */
export interface Carrier {
  /** Takes no new calls: the connection is given up, or has to say anew who it is. What runs on it goes on. */
  leave(): void;
}

/** What a carrier has of its connection. */
export interface CarrierLink {
  readonly instance: ServiceInstance;
  /** What the other side has said in Hello. */
  readonly offer: MuxOffer;
  /** Opens a stream of messages without any serialisation, on this very connection. */
  open(path: string, listener: StreamListener): MessageStream;
  callStarted(call: CallRecord): void;
  /** Says whether the call is to be sent again. */
  callEnded(call: CallRecord, outcome: Outcome): boolean;
  /** The other side says that it takes no new calls. */
  draining(): void;
}

/** Must not throw: they run in listeners of grpc-js, where that ends the process. */
export interface StreamListener {
  onMessage(message: Buffer): void;
  /** Once. `refused`: nobody has seen anything of it. */
  onEnd(ended: StreamEnd): void;
}

export interface StreamEnd {
  readonly code: status;
  readonly details: string;
  readonly metadata: Metadata;
  readonly refused: boolean;
}

/** A bidirectional stream of messages; the next one is read once it is asked for. */
export interface MessageStream {
  /** With the five bytes before it in which its length is written. */
  write(framed: Buffer, written: () => void): void;
  read(): void;
  /** No more messages from this side. */
  end(): void;
  cancel(code: status, details: string): void;
}

/** What a channel has to carry calls beside grpc-js. */
export interface Carriage {
  /** That of the channel; absent while it has none. */
  balancer: Balancer | undefined;
  /** For a connection whose other side offers it. */
  carry(link: CarrierLink): Carrier | undefined;
}
