import { bare, isObject, type JsonObject } from '../../entry/json-value.js';

/** Fields that are somebody's whole map of texts, and not made of fields of their own. */
const WHOLE = ['metadata', 'tags'];

/** What a value has besides the fields that are known, also inside of those that are objects. */
export function beyond(value: JsonObject, known: JsonObject): JsonObject {
  const rest: JsonObject = bare({});
  for (const [field, item] of Object.entries(value)) {
    const own = known[field];
    if (own === undefined) rest[field] = item;
    else if (isObject(item) && isObject(own) && !WHOLE.includes(field.toLowerCase())) {
      const inner = beyond(item, own);
      if (Object.keys(inner).length > 0) rest[field] = inner;
    }
  }
  return rest;
}

/** The fields that are known, with what `beyond` has found beside them. */
export function merged(known: JsonObject, rest: Readonly<JsonObject>): JsonObject {
  const all: JsonObject = { ...known };
  for (const [field, item] of Object.entries(rest)) {
    const own = known[field];
    if (own === undefined) all[field] = item;
    else if (isObject(item) && isObject(own)) all[field] = merged(own, item);
  }
  return all;
}
