import { Metadata } from '@grpc/grpc-js';

type Entries = Map<string, (string | Buffer)[]>;

/**
 * The metadata of a call that has sent none of its own: what its stream was opened with, such as the client's name. It is
 * copied when somebody first looks, which few handlers do, and its own constructor is the only one that runs.
 */
class StreamMetadata {
  // As `Metadata` has them.
  options = {};
  #entries: Entries | undefined;

  constructor(private readonly stream: Metadata) {}

  /** What is not there need not be copied to say so. */
  get(key: string): (string | Buffer)[] {
    const entries = this.#entries ?? (this.stream.get(key).length > 0 ? this.internalRepr : undefined);
    return entries?.get(key.toLowerCase()) ?? [];
  }

  /** Where `Metadata` keeps what it has; private, so a spec notices where it goes by another name. */
  get internalRepr(): Entries {
    return (this.#entries ??= (this.stream.clone() as unknown as { readonly internalRepr: Entries }).internalRepr);
  }
}
Object.setPrototypeOf(StreamMetadata.prototype, Metadata.prototype);

export function metadataOfStream(stream: Metadata): Metadata {
  return new StreamMetadata(stream) as unknown as Metadata;
}
