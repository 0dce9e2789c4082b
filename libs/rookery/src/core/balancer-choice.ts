import { messageOf, RookeryError, show } from './errors.js';
import { nearest } from './keys.js';
import type { Candidate, Picker, PickerFactory } from './picker.js';
import { consistentHash } from './pickers/consistent-hash.js';
import { guarded } from './pickers/guarded.js';
import { leastRequest } from './pickers/least-request.js';
import { p2c } from './pickers/p2c.js';
import { weighted } from './pickers/weighted.js';

/** The pickers that have a name. */
export type BalancerName = 'weighted' | 'p2c' | 'least-request' | 'consistent-hash';

const NAMED: Readonly<Record<BalancerName, PickerFactory>> = {
  weighted,
  p2c,
  'least-request': leastRequest,
  'consistent-hash': consistentHash(),
};

const NAMES = Object.keys(NAMED);
const OWN: readonly PickerFactory[] = Object.values(NAMED);
const METHODS = ['add', 'remove', 'reweigh', 'pick'] as const satisfies readonly (keyof Picker<Candidate>)[];

/**
 * The picker that an option names, or is. One of the user's is made once to see that it can be.
 * @throws {RookeryError} ROOKERY_OPTION_INVALID
 */
export function chooseBalancer(value: unknown, path: string): PickerFactory {
  if (typeof value === 'string' && Object.hasOwn(NAMED, value)) return NAMED[value as BalancerName];
  if (typeof value !== 'function') {
    const near = typeof value === 'string' ? nearest(NAMES, value) : undefined;
    const all = `'${NAMES.join("', '")}', or a PickerFactory`;
    const remedy = near === undefined ? `Use one of ${all}.` : `Did you mean '${near}'? There are ${all}.`;
    throw new RookeryError('ROOKERY_OPTION_INVALID', { path, found: `found ${show(value)}.`, remedy });
  }
  const factory = value as PickerFactory;
  if (OWN.includes(factory)) return factory;
  checkFactory(factory, path);
  return guarded(factory);
}

function checkFactory(factory: PickerFactory, path: string): void {
  let found: string;
  let cause: unknown;
  try {
    const made: Partial<Picker<Candidate>> | undefined = factory(() => 0.5);
    const missing = METHODS.filter((method) => typeof made?.[method] !== 'function');
    if (missing.length === 0) return;
    found = `found a function that returns ${show(made)} without ${missing.join(', ')}.`;
  } catch (error) {
    found = `found a function that throws ${show(messageOf(error))}.`;
    cause = error;
  }
  const remedy =
    'A PickerFactory is (random) => ({ add, remove, reweigh, pick }); pass consistentHash() with its brackets.';
  throw new RookeryError('ROOKERY_OPTION_INVALID', { path, found, remedy, cause });
}
