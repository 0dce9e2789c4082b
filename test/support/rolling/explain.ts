import type { Fleet, FleetEvent } from './fleet.js';
import type { FailedCall } from './report.js';

/** Which status, when in the life of the fleet, and whose. */
export function explain(call: FailedCall, fleet: Pick<Fleet, 'events' | 'nameOf'>): string {
  const { method, status, details, messages, expected, instance, attempts } = call;
  const name = instance === undefined ? undefined : fleet.nameOf(instance);
  const times = attempts === undefined ? '' : `, ${attempts} attempts`;
  const before = fleet.events.findLast(({ at }) => at <= call.endedAt);
  const after = fleet.events.find(({ at }) => at > call.endedAt);
  const own = fleet.events.filter((event) => event.name === name && event !== before && event !== after);
  const when = [before, after, ...own].flatMap((event) => (event ? relative(call.endedAt, event) : []));
  return (
    `${method} by ${name ?? 'nobody known'}${times}: ${status} after ${call.endedAt - call.sentAt} ms ` +
    `with ${messages} of ${expected} messages: ${details}; ${when.join(', ')}`
  );
}

function relative(at: number, event: FleetEvent): string {
  const ms = at - event.at;
  return `${Math.abs(ms)} ms ${ms >= 0 ? 'after' : 'before'} ${event.name} ${event.what}`;
}
