import type { ServiceChange } from '../../core/change.js';
import { sameInstance, type ServiceInstance } from '../../core/instance.js';
import type { ChangeBatch } from '../change-queue.js';
import type { FolderAlarm } from './alarm.js';
import { makeFolder } from './folder.js';
import type { FolderReader, FolderState } from './reader.js';

export interface FolderWatchOptions {
  readonly directory: string;
  readonly folder: string;
  readonly reader: FolderReader;
  readonly alarm: FolderAlarm;
  readonly ended: () => boolean;
}

const EMPTY: FolderState = { instances: [], left: new Set() };

/**
 * The changes of a folder: one batch per reading that differs from the one before. The folder is made once; where
 * somebody removes it later, its next owner makes it, and a watcher does not stand in the way.
 */
export async function* watchFolder({
  directory,
  folder,
  reader,
  alarm,
  ended,
}: FolderWatchOptions): AsyncGenerator<ChangeBatch> {
  let known: ReadonlyMap<string, ServiceInstance> | undefined;
  await makeFolder(directory, folder);
  while (!ended()) {
    // Armed before the reading, so that nothing falls between the two.
    const state = (await alarm.arm()) ? await reader.read() : EMPTY;
    if (ended()) return;
    const batch: ChangeBatch = known ? difference(known, state) : [{ type: 'reset', instances: state.instances }];
    known = new Map(state.instances.map((instance) => [instance.id, instance]));
    if (batch.length > 0) yield batch;
    if (ended()) return;
    await alarm.next();
  }
}

function difference(known: ReadonlyMap<string, ServiceInstance>, { instances, left }: FolderState): ServiceChange[] {
  const present = new Set(instances.map(({ id }) => id));
  const gone = [...known.values()].filter(({ id }) => !present.has(id));
  const changed = instances.filter((instance) => {
    const before = known.get(instance.id);
    return !before || !sameInstance(before, instance);
  });
  return [
    ...gone.map(({ id, status }): ServiceChange => {
      return { type: 'delete', id, cause: status === 'draining' || left.has(id) ? 'left' : 'lost' };
    }),
    ...changed.map((instance): ServiceChange => ({ type: 'set', instance })),
  ];
}
