import type { EventSink } from '../../core/event.js';
import type { Random, Time } from '../../core/time.js';
import type { Dialer } from './dialer.js';
import type { Layout } from './layout.js';
import type { Acl } from './protocol.js';

/** What the parts of one registry share. */
export interface ZooKeeperContext {
  /** The registry's name, for errors. */
  readonly name: string;
  /** Whether we speak TLS. */
  readonly secure: boolean;
  readonly dialer: Dialer;
  readonly layout: Layout;
  /** Of whatever we create. */
  readonly acl: readonly Acl[];
  readonly time: Time;
  readonly random: Random;
  readonly emit: EventSink;
  readonly ttlMs: number;
}
