import type { History, InstanceRecorded } from './history.js';

/** From when to when somebody was there to be used; monotonic ms. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** When each instance of a service could be used: from `started` or `mended` until `broken` or `leaving`. */
export function usableSpans(history: History, service: string): ReadonlyMap<string, readonly Span[]> {
  const spans = new Map<string, Span[]>();
  const open = new Map<string, number>();
  for (const { id, step, at } of stepsOf(history, service)) {
    const since = open.get(id);
    if (step === 'started' || step === 'mended') open.set(id, since ?? at);
    else if (step !== 'lost' && since !== undefined) {
      spans.set(id, [...(spans.get(id) ?? []), { from: since, to: at }]);
      open.delete(id);
    }
  }
  for (const [id, from] of open) spans.set(id, [...(spans.get(id) ?? []), { from, to: Infinity }]);
  return spans;
}

/** What happened to the instances of a service, in order. */
export function stepsOf(history: History, service: string): InstanceRecorded[] {
  return history.instances.filter((each) => each.service === service).toSorted((a, b) => a.at - b.at);
}
