import { AsyncResource } from 'node:async_hooks';
import type { Balancer } from '../../core/balancer.js';
import type { EventSink } from '../../core/event.js';
import type { Random, Time } from '../../core/time.js';
import type { Carriage, Carrier, CarrierLink } from '../../grpc/carrier.js';
import { MUX_VERSION } from '../frames.js';
import { MuxConnection } from './mux-connection.js';

export interface MuxChannelOptions {
  readonly time: Time;
  readonly random: Random;
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
    const { time, random, maxResponseBytes, emit } = this.options;
    return new MuxConnection(link, {
      time,
      random,
      maxResponseBytes,
      apart: (open) => this.#apart.runInAsyncScope(open),
      broken: ({ instance: { id, address, service } }, { details }) =>
        emit({ type: 'mux.broken', service, id, address, error: details }),
    });
  }
}
