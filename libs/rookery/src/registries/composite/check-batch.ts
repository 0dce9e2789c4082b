import type { ServiceChange } from '../../core/change.js';

/**
 * What a source says, once it has the form of a batch: a source that says anything else must not leave half of it in what
 * the others say, too.
 * @throws {TypeError} where it has not
 */
export function checkBatch(batch: readonly ServiceChange[]): readonly ServiceChange[] {
  if (Array.isArray(batch) && batch.every(isChange)) return batch as readonly ServiceChange[];
  throw new TypeError('it says something that is no change of a service');
}

function isChange(value: unknown): value is ServiceChange {
  const change = (value ?? {}) as Partial<Record<string, unknown>>;
  switch (change['type']) {
    case 'reset':
      return Array.isArray(change['instances']) && change['instances'].every(isInstance);
    case 'set':
      return isInstance(change['instance']);
    case 'delete':
      return typeof change['id'] === 'string' && (change['cause'] === 'left' || change['cause'] === 'lost');
    default:
      return change['type'] === 'route';
  }
}

/** What is read of every instance, wherever it comes from. */
function isInstance(value: unknown): boolean {
  const { id, address, metadata } = (value ?? {}) as Partial<Record<string, unknown>>;
  return typeof id === 'string' && typeof address === 'string' && typeof metadata === 'object' && metadata !== null;
}
