/** What `util.inspect`, and so every logger, asks of an object. */
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

type Inspect = (value: unknown, options: object) => string;

/**
 * Shows of an object what `toJSON` says and nothing behind it: sessions and settings hold passwords, and circles that
 * JSON refuses.
 */
export abstract class Shown {
  abstract toJSON(): object;

  [INSPECT](_depth: number, options: object, inspect: Inspect): string {
    return `${this.constructor.name} ${inspect(this.toJSON(), options)}`;
  }
}
