import { randomBytes } from 'node:crypto';
import type { Random } from '../core/time.js';

export const systemRandom: Random = Math.random;

/** Eighty random bits in base 36: an id or a generation that nobody else has. */
export function randomId(): string {
  return BigInt(`0x${randomBytes(10).toString('hex')}`)
    .toString(36)
    .padStart(16, '0');
}
