import { createDirectory as createCoreDirectory, type Directory, type DirectoryOptions } from '../core/directory.js';
import type { Registry } from '../core/registry.js';
import { systemRandom } from '../system/random.js';
import { systemTime } from '../system/time.js';

/** A directory over a registry, on the clock of this process; one per registry is enough. Dispose it before the registry. */
export function createDirectory(registry: Registry, options: Partial<DirectoryOptions> = {}): Directory {
  return createCoreDirectory(registry, {
    time: systemTime,
    random: systemRandom,
    emit: registry.events.emit,
    ...options,
  });
}
