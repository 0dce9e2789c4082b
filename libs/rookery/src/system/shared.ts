/**
 * What a process has once, even where two copies of this package are loaded: it sits under a symbol that both know,
 * and only its version-1 shape may be relied on.
 */
const SHARED = Symbol.for('rookery/1');

export function shared<T>(key: string, make: () => T): T {
  const holder = globalThis as { [SHARED]?: Map<string, unknown> };
  const values = (holder[SHARED] ??= new Map());
  if (!values.has(key)) values.set(key, make());
  return values.get(key) as T;
}
