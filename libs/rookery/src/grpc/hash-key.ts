import type { Metadata } from '@grpc/grpc-js';
import { RookeryError, show } from '../core/errors.js';
import type { HashKeySource } from '../core/picker.js';

export interface HashKeyPlaces {
  /** Absent where the call has none. */
  readonly metadata: Metadata | undefined;
  readonly source: HashKeySource | undefined;
  readonly place: () => string;
}

/**
 * The key by which a call is picked: its own, else the header that its client names. An empty one is none, or everything
 * that lost its key would meet on one instance.
 * @throws {RookeryError} ROOKERY_OPTION_INVALID where it is no text
 */
export function hashKeyOf(own: unknown, { metadata, source, place }: HashKeyPlaces): string | undefined {
  if (own !== undefined && typeof own !== 'string') {
    throw new RookeryError('ROOKERY_OPTION_INVALID', {
      path: `${place()}.hashKey`,
      found: `found ${show(own)}.`,
      remedy: 'Use a text, such as String(id).',
    });
  }
  const header = source?.header === undefined ? undefined : metadata?.get(source.header).join();
  return (own ?? header) || undefined;
}
