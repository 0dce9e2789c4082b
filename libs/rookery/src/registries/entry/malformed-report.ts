import { messageOf } from '../../core/errors.js';
import type { EventSink } from '../../core/event.js';

/** Tells of a value that cannot be read, once however often we come across it. */
export type MalformedReport = (place: string, revision: number, error: unknown) => void;

/** How many malformed values are remembered as told. */
const REMEMBERED = 10_000;

export function reportMalformed(emit: EventSink): MalformedReport {
  const told = new Map<string, number>();
  return (place, revision, error) => {
    if (told.get(place) === revision) return;
    if (told.size >= REMEMBERED) told.clear();
    told.set(place, revision);
    emit({ type: 'entry.malformed', place, error: error instanceof Error ? error : new Error(messageOf(error)) });
  };
}
