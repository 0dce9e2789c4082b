import { RookeryError } from './errors.js';

/** The options that exist; the compiler holds the list against its interface. */
export type KeysOf<T> = Readonly<Record<keyof T & string, true>>;

/**
 * Refuses options that nobody reads: a misspelt one would otherwise count as left out, in silence.
 * @param known an object whose keys are the options that exist
 * @throws {RookeryError} ROOKERY_OPTION_INVALID
 */
export function checkKeys(options: object, known: Readonly<Record<string, true>>, path: string): void {
  for (const key of Object.keys(options)) {
    if (Object.hasOwn(known, key)) continue;
    const near = nearest(Object.keys(known), key);
    throw new RookeryError('ROOKERY_OPTION_INVALID', {
      path: path ? `${path}.${key}` : key,
      found: 'there is no such option.',
      remedy: near ? `Did you mean \`${near}\`?` : `There are: ${Object.keys(known).join(', ')}.`,
    });
  }
}

/** The known option that differs least, by at most two letters or by its end. */
export function nearest(known: readonly string[], key: string): string | undefined {
  const y = key.toLowerCase();
  const apart = (name: string) => distance(name.toLowerCase(), y);
  const [best] = known.toSorted((a, b) => apart(a) - apart(b));
  const x = best?.toLowerCase() ?? '';
  const begins = Math.min(x.length, y.length) >= 4 && (x.startsWith(y) || y.startsWith(x));
  return begins || (best !== undefined && apart(best) <= 2) ? best : undefined;
}

/** Levenshtein's distance, a row at a time. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      next[j] = Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + Number(a[i - 1] !== b[j - 1]));
    }
    row = next;
  }
  return row[b.length]!;
}
