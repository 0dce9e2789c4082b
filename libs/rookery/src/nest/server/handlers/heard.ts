/**
 * What is given; where it is a promise, its refusal is nobody's affair until somebody waits for it. Otherwise one that is
 * refused before its turn ends the process.
 */
export function heard<T>(given: T): T {
  if (given instanceof Promise) given.catch(() => {});
  return given;
}
