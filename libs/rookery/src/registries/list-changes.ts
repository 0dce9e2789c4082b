import type { DeleteCause, ServiceChange } from '../core/change.js';
import { sameInstance, type ServiceInstance } from '../core/instance.js';
import type { ChangeBatch } from './change-queue.js';

/** What a source that is asked again and again has told last, by id. */
export type KnownInstances = ReadonlyMap<string, ServiceInstance>;

/**
 * The step from one whole list to the next: a `reset` where nothing is known, else what came, changed and went; nothing
 * where the two say the same.
 * @param causeOf why one that is no longer in the list went; default `lost`, since lists do not say it
 */
export function listChanges(
  known: KnownInstances | undefined,
  instances: readonly ServiceInstance[],
  causeOf: (gone: ServiceInstance) => DeleteCause = () => 'lost',
): ChangeBatch {
  if (!known) return [{ type: 'reset', instances }];
  const next = new Set(instances.map(({ id }) => id));
  const gone = [...known.values()].filter(({ id }) => !next.has(id));
  // What appears stands first, so that an address goes on while another entry takes it over.
  return [
    ...instances.flatMap((instance): ServiceChange[] => {
      const before = known.get(instance.id);
      return before && sameInstance(before, instance) ? [] : [{ type: 'set', instance }];
    }),
    ...gone.map((instance): ServiceChange => ({ type: 'delete', id: instance.id, cause: causeOf(instance) })),
  ];
}
