import { DEFAULT_WEIGHT, MAX_WEIGHT } from '../../core/instance.js';

/**
 * Weights of ours, 0…10000, for shares of SRV records, which go up to 65535, and are halved where a target has two
 * addresses. Ratios stay as they are, and whole numbers that fit stay themselves. A share of 0 is "a very small chance"
 * (RFC 2782) beside others, which is 1 in 10000 of the largest; ours would be no call at all. Equal shares are the weight
 * that everybody has by default, so that DNS servers that count their records in them change nothing for those who stay.
 */
export function weightsOf(shares: readonly number[]): readonly number[] {
  const most = Math.max(...shares);
  if (shares.every((share) => share === most)) return shares.map(() => DEFAULT_WEIGHT);
  const fit = most <= MAX_WEIGHT && shares.every((share) => share > 0 && Number.isInteger(share));
  return fit ? shares : shares.map((share) => Math.max(1, Math.round((share / most) * MAX_WEIGHT)));
}
