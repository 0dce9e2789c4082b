import type { Random } from 'rookery/core';
import { seededRandom } from 'rookery/testing';

/** Chance of its own for each purpose: whoever draws more of one leaves the others as they are. */
export function chance(seed: number, ...purpose: readonly (string | number)[]): Random {
  // FNV-1a.
  let hash = 0x811c9dc5;
  for (const char of [seed, ...purpose].join('/')) hash = Math.imul(hash ^ char.codePointAt(0)!, 0x01000193);
  return seededRandom(hash);
}

/** Time to the next of events that come by chance, `perMs` of them on the mean. */
export function gap(random: Random, perMs: number): number {
  return -Math.log(1 - random()) / perMs;
}

/** Log-normal with this mean; `sigma` is that of the logarithm. */
export function logNormal(random: Random, mean: number, sigma: number): number {
  // Box-Muller.
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return mean * Math.exp(sigma * normal - sigma ** 2 / 2);
}
