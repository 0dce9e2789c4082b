/** The value at this share of ascending values: the smallest that at least this share does not exceed. */
export function percentileOf(ascending: ArrayLike<number>, share: number): number {
  if (ascending.length === 0) return Number.NaN;
  return ascending[Math.max(0, Math.ceil(share * ascending.length) - 1)]!;
}

/** Of an even number of values the mean of the two in the middle. */
export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The median of the ratios round by round, so that a slow spell of the machine meets both sides. */
export function ratioOf(ours: readonly number[], theirs: readonly number[]): number {
  return medianOf(ours.map((value, round) => value / theirs[round]!));
}

/** Everybody once in each round, and every other round backwards: what grows or fades meets all alike. */
export function orderOf<T>(subjects: readonly T[], round: number): readonly T[] {
  return round % 2 === 0 ? subjects : subjects.toReversed();
}

/** Three digits that mean something. */
export function brief(value: number): number {
  return Math.abs(value) >= 1000 ? Math.round(value) : Number(value.toPrecision(3));
}
