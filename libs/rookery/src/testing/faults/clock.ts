/**
 * Sets the wall clock of this process forward or back, as an operator or NTP does: `Date.now()` and `new Date()` jump,
 * timers and `performance.now()` do not. Disposing it sets the clock right.
 * @param ms how far; negative is back
 */
export function jumpClock(ms: number): Disposable {
  const Real = globalThis.Date;
  class Jumped extends Real {
    constructor(...args: readonly unknown[]) {
      super(...((args.length === 0 ? [Real.now() + ms] : args) as [number]));
    }
    static override now(): number {
      return Real.now() + ms;
    }
  }
  globalThis.Date = Jumped as DateConstructor;
  return {
    [Symbol.dispose]() {
      if (globalThis.Date === Jumped) globalThis.Date = Real;
    },
  };
}
