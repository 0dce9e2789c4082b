/**
 * Whether somebody has put himself in place of a method of grpc-js, as OpenTelemetry does to follow every call: he would
 * see none of those that do not pass there. The mark is that of shimmer, which all of them use.
 */
export function isInstrumented(owner: object, method: string): boolean {
  const found = (owner as Readonly<Record<string, object | undefined>>)[method];
  return found !== undefined && '__wrapped' in found;
}
