import { messageOf } from '../../core/errors.js';
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

/** Tells of a value that cannot be read, once however often we come across it. */
export type MalformedReport = (key: string, modRevision: number, error: unknown) => void;

/** How many malformed values are remembered as told. */
const REMEMBERED = 10_000;

export function reportMalformed(emit: EventSink): MalformedReport {
  const told = new Map<string, number>();
  return (key, modRevision, error) => {
    if (told.get(key) === modRevision) return;
    if (told.size >= REMEMBERED) told.clear();
    told.set(key, modRevision);
    emit({ type: 'entry.malformed', place: key, error: error instanceof Error ? error : new Error(messageOf(error)) });
  };
}
