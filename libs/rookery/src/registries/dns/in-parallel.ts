/** Runs `fn` for each item, at most `limit` at a time; rejects as the first that does. */
export async function inParallel<T>(limit: number, items: Iterable<T>, fn: (item: T) => Promise<void>): Promise<void> {
  const rest = items[Symbol.iterator]();
  const work = async (): Promise<void> => {
    for (let next = rest.next(); !next.done; next = rest.next()) await fn(next.value);
  };
  await Promise.all(Array.from({ length: limit }, work));
}
