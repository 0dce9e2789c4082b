import { RookeryError, show } from './errors.js';

/** @throws {RookeryError} ROOKERY_OPTION_INVALID */
export function checkMs(value: unknown, path: string): number {
  if (typeof value === 'number' && value >= 0 && value < 2 ** 31) return value;
  throw new RookeryError('ROOKERY_OPTION_INVALID', {
    path,
    found: `found ${show(value)}.`,
    remedy: 'Use milliseconds, at least 0.',
  });
}
