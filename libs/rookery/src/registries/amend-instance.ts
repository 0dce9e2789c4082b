import { RookeryError, show } from '../core/errors.js';
import { INSTANCE_KEYS } from '../core/instance-keys.js';
import { checkInstanceOptions, createInstance, type ServiceInstance } from '../core/instance.js';
import { checkKeys, type KeysOf } from '../core/keys.js';
import type { InstanceChange } from '../core/registration.js';

const CHANGE_KEYS: KeysOf<InstanceChange> = { ...INSTANCE_KEYS, status: true };

/**
 * The instance with the fields of `change` that are not undefined.
 * @throws {RookeryError} the code of the first field that is wrong
 */
export function amendInstance(instance: ServiceInstance, change: InstanceChange): ServiceInstance {
  return createInstance({ ...instance, ...checkChange(change) });
}

/**
 * The fields of `change` that are not undefined, checked.
 * @throws {RookeryError} the code of the first field that is wrong, or that does not exist
 */
export function checkChange(change: InstanceChange): InstanceChange {
  checkKeys(change, CHANGE_KEYS, 'change');
  const { status } = change;
  if (status !== undefined && status !== 'up' && status !== 'draining') {
    throw new RookeryError('ROOKERY_OPTION_INVALID', {
      path: 'change.status',
      found: `found ${show(status)}.`,
      remedy: 'Use "up" or "draining".',
    });
  }
  return { ...checkInstanceOptions(change, 'change'), ...(status !== undefined && { status }) };
}
