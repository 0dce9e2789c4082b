import type { ServiceChange } from '../../core/change.js';
import { sameInstance, type ServiceInstance } from '../../core/instance.js';
import { sameRoute, type GroupRoute } from '../../core/route.js';
import type { ChangeBatch } from '../change-queue.js';
import type { FolderAlarm } from './alarm.js';
import { hasLeft } from './files.js';
import { makeFolder } from './folder.js';
import type { FolderReader } from './reader.js';
import type { RouteReader } from './route-file.js';

export interface FolderWatchOptions {
  readonly directory: string;
  readonly folder: string;
  readonly reader: FolderReader;
  readonly routes: RouteReader;
  readonly alarm: FolderAlarm;
  readonly ended: () => boolean;
}

/**
 * The changes of a folder: one batch per reading that differs from the one before. The folder is made once; where
 * somebody removes it later, its next owner makes it, and a watcher does not stand in the way.
 */
export async function* watchFolder({
  directory,
  folder,
  reader,
  routes,
  alarm,
  ended,
}: FolderWatchOptions): AsyncGenerator<ChangeBatch> {
  let known: ReadonlyMap<string, ServiceInstance> | undefined;
  let before: GroupRoute | undefined;
  await makeFolder(directory, folder);
  while (!ended()) {
    // Armed before the reading, so that nothing falls between the two.
    const instances = (await alarm.arm()) ? await reader.read() : [];
    const route = await routes.read();
    const changes = known ? await difference(folder, known, instances) : [{ type: 'reset' as const, instances, route }];
    const batch: ChangeBatch = !known || sameRoute(before, route) ? changes : [...changes, { type: 'route', route }];
    if (ended()) return;
    before = route;
    known = new Map(instances.map((instance) => [instance.id, instance]));
    if (batch.length > 0) yield batch;
    if (ended()) return;
    await alarm.next();
  }
}

async function difference(
  folder: string,
  known: ReadonlyMap<string, ServiceInstance>,
  instances: readonly ServiceInstance[],
): Promise<ServiceChange[]> {
  const present = new Set(instances.map(({ id }) => id));
  const gone = [...known.values()].filter(({ id }) => !present.has(id));
  const changed = instances.filter((instance) => {
    const before = known.get(instance.id);
    return !before || !sameInstance(before, instance);
  });
  return [
    ...(await Promise.all(gone.map((instance) => removal(folder, instance)))),
    ...changed.map((instance): ServiceChange => ({ type: 'set', instance })),
  ];
}

/** The trace of a leaver is looked for after its file was missed, and so it cannot be missed as well. */
async function removal(folder: string, { id, status }: ServiceInstance): Promise<ServiceChange> {
  return { type: 'delete', id, cause: status === 'draining' || (await hasLeft(folder, id)) ? 'left' : 'lost' };
}
