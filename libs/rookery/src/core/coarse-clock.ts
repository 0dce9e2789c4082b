/**
 * The time of the last pick, or of the last end of a call, monotonic ms. Reading the real clock costs as much as a pick, and
 * what is measured against this fades over seconds.
 */
export class CoarseClock {
  ms = 0;

  /** It is that late, at the least. */
  reach(ms: number): void {
    if (ms > this.ms) this.ms = ms;
  }
}
