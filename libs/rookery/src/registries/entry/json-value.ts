import { reasonOf, RookeryError, show } from '../../core/errors.js';

/** A JSON object of the registry's, without a prototype, so that none of its fields can pass for one of an object. */
export type JsonObject = Record<string, unknown>;

/** A longer value is bad data, bytes. */
export const MAX_VALUE_BYTES = 65_536;

/**
 * Reads the value of a key; whatever is wrong with it has one code.
 * @param written what fields are called in the value, where that is not what an instance calls them
 * @throws {RookeryError} ROOKERY_ENTRY_MALFORMED
 */
export function readValue<T>(
  key: string,
  value: Buffer,
  read: (text: string) => T,
  written: Readonly<Record<string, string>> = {},
): T {
  try {
    if (value.length > MAX_VALUE_BYTES) throw malformed(key, `found a value of ${value.length} bytes.`);
    return read(value.toString());
  } catch (error) {
    if (error instanceof RookeryError && error.code === 'ROOKERY_ENTRY_MALFORMED') throw error;
    const found = `found ${show(value.toString('utf8', 0, 200))}.`;
    // Where a field is wrong, the text may end before it does.
    throw malformed(key, error instanceof RookeryError ? asWritten(reasonOf(error), written) : found, error);
  }
}

/** @throws {SyntaxError} where it is no JSON, {RookeryError} where it is no object */
export function parseObject(key: string, text: string): JsonObject {
  const value: unknown = JSON.parse(text);
  if (!isObject(value)) throw malformed(key, `found ${show(value)}.`);
  return bare(value);
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function bare(value: JsonObject): JsonObject {
  return Object.assign(Object.create(null) as JsonObject, value);
}

/** A field in any case, as Go reads it. */
export function caseless(raw: JsonObject, name: string): unknown {
  if (raw[name] !== undefined) return raw[name];
  return raw[Object.keys(raw).find((field) => field.toLowerCase() === name.toLowerCase()) ?? name];
}

/** Texts by name; numbers and booleans as texts, and nothing else. */
export function flatTexts(value: unknown): Record<string, string> | undefined {
  if (!isObject(value)) return undefined;
  const flat = Object.entries(value).filter(([, item]) => ['string', 'number', 'boolean'].includes(typeof item));
  return Object.assign(Object.create(null), Object.fromEntries(flat.map(([name, item]) => [name, String(item)])));
}

/** What can be read can be nested too deeply to be written again. */
export function writable(fields: JsonObject): JsonObject {
  JSON.stringify(fields);
  return fields;
}

export function typed(raw: JsonObject, field: string, type: string): unknown {
  const value = raw[field] ?? undefined;
  if (value === undefined || typeof value === type) return value;
  throw wrong(field, value, `Use a ${type}.`);
}

export function oneOf(raw: JsonObject, field: string, allowed: readonly unknown[]): unknown {
  const value = raw[field] ?? undefined;
  if (allowed.includes(value)) return value;
  throw wrong(field, value, `Use ${allowed.filter(Boolean).map(show).join(' or ')}.`);
}

export function wrong(field: string, value: unknown, remedy: string): RookeryError {
  return new RookeryError('ROOKERY_OPTION_INVALID', { path: `value.${field}`, found: `found ${show(value)}.`, remedy });
}

export function malformed(key: string, found: string, cause?: unknown): RookeryError {
  return new RookeryError('ROOKERY_ENTRY_MALFORMED', {
    path: key,
    found,
    remedy: 'The last good value stays.',
    ...(cause !== undefined && { cause }),
  });
}

function asWritten(reason: string, written: Readonly<Record<string, string>>): string {
  return reason.replace(/^value\.(\w+)/, (path, field: string) =>
    Object.hasOwn(written, field) ? `value.${written[field]}` : path,
  );
}
