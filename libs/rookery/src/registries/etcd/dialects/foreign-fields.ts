import { MAX_WEIGHT } from '../../../core/instance.js';

/**
 * A foreign weight as one of ours: a whole number from 0 to 10000, given as a number or as a text. What is between two
 * whole numbers is rounded, and never down to none at all.
 * @returns nothing where there is none, or none that makes sense
 */
export function weightOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isFinite(number) || number < 0) return undefined;
  return number === 0 ? 0 : Math.min(MAX_WEIGHT, Math.max(1, Math.round(number)));
}

/** Everything but what a framework itself has put there. */
export function without(
  texts: Readonly<Record<string, string>> | undefined,
  names: readonly string[],
): Record<string, string> | undefined {
  return texts && Object.fromEntries(Object.entries(texts).filter(([name]) => !names.includes(name)));
}
