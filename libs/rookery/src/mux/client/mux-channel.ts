import { AsyncResource } from 'node:async_hooks';
import type { Balancer } from '../../core/balancer.js';
import type { EventSink } from '../../core/event.js';
import type { Time } from '../../core/time.js';
import type { Carriage, Carrier, CarrierLink } from '../../grpc/carrier.js';
import { MUX_VERSION } from '../frames.js';
import { MuxConnection } from './mux-connection.js';

export interface MuxChannelOptions {
  readonly time: Time;
  /** Larger requests go through grpc-js, bytes. */
  readonly maxMessageBytes: number;
  /** Of an answer: what the client would take from grpc-js, bytes. */
  readonly maxResponseBytes: number;
  readonly emit: EventSink;
}

/** Mux for the calls of one channel, over whatever connections its balancer picks. */
export class MuxChannel implements Carriage {
  balancer: Balancer | undefined;
  readonly maxMessageBytes: number;
  readonly #apart = new AsyncResource('RookeryMux');

  constructor(private readonly options: MuxChannelOptions) {
    this.maxMessageBytes = options.maxMessageBytes;
  }

  carry(link: CarrierLink): Carrier | undefined {
    if (link.offer.version !== MUX_VERSION) return undefined;
    const { time, maxResponseBytes, emit } = this.options;
    return new MuxConnection(link, {
      time,
      maxResponseBytes,
      apart: (open) => this.#apart.runInAsyncScope(open),
      broken: ({ instance: { id, address, service } }, { details }) =>
        emit({ type: 'mux.broken', service, id, address, error: details }),
    });
  }
}
