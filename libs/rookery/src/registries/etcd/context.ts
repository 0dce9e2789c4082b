import type { EventSink } from '../../core/event.js';
import type { Random, Time } from '../../core/time.js';
import type { EtcdClient } from './client.js';
import type { Layout } from './layout.js';

/** What the parts of one registry share. */
export interface EtcdContext {
  /** The registry's name, for errors. */
  readonly name: string;
  readonly client: EtcdClient;
  readonly layout: Layout;
  readonly time: Time;
  readonly random: Random;
  readonly emit: EventSink;
  readonly ttlMs: number;
}
