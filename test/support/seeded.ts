/** Chance that can be repeated: `ROOKERY_SEED`, else a new seed, which the caller prints. (mulberry32) */
export function seeded(seed = Number(process.env['ROOKERY_SEED'] ?? Math.floor(Math.random() * 2 ** 31))): {
  readonly seed: number;
  readonly random: () => number;
} {
  let state = seed >>> 0;
  const random = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return { seed, random };
}
