import { seededRandom } from 'rookery/testing';

/** Chance that can be repeated: `ROOKERY_SEED`, else a new seed, which the caller prints. */
export function seeded(): { readonly seed: number; readonly random: () => number } {
  const seed = Number(process.env['ROOKERY_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  return { seed, random: seededRandom(seed) };
}
