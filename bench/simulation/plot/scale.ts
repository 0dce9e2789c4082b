/** From values to places, with the values that are worth a mark. */
export interface Scale {
  (value: number): number;
  readonly marks: readonly number[];
}

/** @param step between two marks */
export function linear(from: number, to: number, places: readonly [number, number], step: number): Scale {
  const [first, last] = places;
  const marks = Array.from({ length: Math.floor((to - from) / step + 1e-9) + 1 }, (_, i) => from + i * step);
  return Object.assign((value: number) => first + ((value - from) / (to - from)) * (last - first), { marks });
}

/** Logarithmic; its marks are 1, 2 and 5 of each power of ten, more of them on a short one, fewer on a long one. */
export function logarithmic(from: number, to: number, places: readonly [number, number]): Scale {
  const [first, last] = places;
  const span = Math.log10(to / from);
  const digits = span < 1 ? [1, 1.5, 2, 3, 5, 7] : span < 3 ? [1, 2, 5] : [1, 5];
  const powers = Array.from({ length: 8 }, (_, i) => 10 ** (i - 1));
  const marks = powers
    .flatMap((power) => digits.map((digit) => digit * power))
    .filter((mark) => mark >= from && mark <= to);
  return Object.assign((value: number) => first + (Math.log10(value / from) / span) * (last - first), { marks });
}

/** 1, 2 or 5 times a power of ten, so that there are about `count` marks. */
export function stepOf(range: number, count: number): number {
  const rough = range / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].find((digit) => digit * power >= rough)! * power;
}
