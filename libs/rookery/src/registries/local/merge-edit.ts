import { createInstance, sameInstance, type ServiceInstance } from '../../core/instance.js';
import { AMENDABLE, type LocalEntry } from './entry.js';

export interface MergedEdit {
  readonly instance: ServiceInstance;
  readonly pinned: readonly string[];
  /** Fields that an operator changed. */
  readonly edited: readonly string[];
  /** Fields were changed that belong to the owner alone. */
  readonly spoilt: boolean;
}

/**
 * What an operator changed since `written`, on top of what the owner wants by now. What he set is pinned; what he took
 * out of the file's list of pinned fields is the owner's again.
 */
export function mergeEdit(mine: ServiceInstance, written: ServiceInstance, found: LocalEntry): MergedEdit {
  const theirs = found.instance;
  const edited = AMENDABLE.filter((field) => !sameInstance(written, { ...written, [field]: theirs[field] }));
  const edits = Object.fromEntries(edited.map((field) => [field, theirs[field]]));
  return {
    instance: edited.length > 0 ? createInstance({ ...mine, ...edits }) : mine,
    pinned: AMENDABLE.filter((field) => found.pinned.includes(field) || edited.includes(field)),
    edited,
    spoilt: !sameInstance(theirs, { ...written, ...edits }),
  };
}
