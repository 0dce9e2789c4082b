/** Up to here a loop is faster than a call that copies, bytes. */
export const BY_HAND = 32;

/** Bytes of a message, out of its batch: a field that a user keeps would keep the whole batch with it. */
export function copyOf(batch: Buffer, start: number, end: number): Buffer {
  const length = end - start;
  const copy = Buffer.allocUnsafe(length);
  if (length > BY_HAND) batch.copy(copy, 0, start, end);
  else for (let i = 0; i < length; i += 1) copy[i] = batch[start + i]!;
  return copy;
}
