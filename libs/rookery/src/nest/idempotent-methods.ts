import type { PackageDefinition } from '@grpc/proto-loader';

/** What proto-loader keeps of `option idempotency_level`. */
interface MethodOptions {
  readonly path: string;
  readonly options?: { readonly idempotency_level?: string };
}

const IDEMPOTENT = new Set<string | undefined>(['IDEMPOTENT', 'NO_SIDE_EFFECTS']);

/** Paths of the methods that their .proto says may run twice: `option idempotency_level` (descriptor.proto). */
export function idempotentIn(definition: PackageDefinition): ReadonlySet<string> {
  const methods = Object.values(definition).flatMap((entry) =>
    'format' in entry ? [] : (Object.values(entry) as readonly MethodOptions[]),
  );
  return new Set(methods.filter(({ options }) => IDEMPOTENT.has(options?.idempotency_level)).map(({ path }) => path));
}
