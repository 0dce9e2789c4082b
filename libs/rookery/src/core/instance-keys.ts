import type { InstanceOptions } from './instance.js';
import type { KeysOf } from './keys.js';

/** What may be said of an instance. */
export const INSTANCE_KEYS: KeysOf<InstanceOptions> = {
  group: true,
  weight: true,
  zone: true,
  version: true,
  metadata: true,
};
