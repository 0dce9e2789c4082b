import { Metadata, ServerInterceptingCall, type MetadataValue, type ServerInterceptor } from '@grpc/grpc-js';
import type { Logger } from '@nestjs/common';

/** Bytes of a status text, percent-encoded: with the other headers it fits into the 8 KiB that gRPC asks every client to take. */
const MAX_TEXT = 6 * 1024;
/** Bytes of names and values: with the text it fits into the 64 KiB of headers that Node sends. */
const MAX_METADATA = 48 * 1024;
const CUT = '…';

/** Names that HTTP/2 does not let pass, or takes for its own. */
const RESERVED = new Set(
  'connection content-length http2-settings keep-alive proxy-connection te transfer-encoding upgrade'.split(' '),
);
/** Names that Node sends once only. */
const SINGLE = new Set(
  (
    'access-control-allow-credentials access-control-max-age access-control-request-method age authorization ' +
    'content-encoding content-language content-location content-md5 content-range content-type date dnt etag expires ' +
    'from host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified location ' +
    'max-forwards proxy-authorization range referer retry-after tk upgrade-insecure-requests user-agent ' +
    'x-content-type-options'
  ).split(' '),
);

/**
 * Gives every status and all metadata of a server a form that can be sent. grpc-js hands over what it is given, and where
 * Node refuses that, it throws in a turn of its own, which ends the process, or sends nothing, and the client waits for
 * ever; half an emoji in an error text is enough.
 */
export function sendable(logger: Pick<Logger, 'warn'>): ServerInterceptor {
  return ({ path }, call) => new SendableCall(call, path, logger);
}

type NextCall = ConstructorParameters<typeof ServerInterceptingCall>[0];

/** Hands on as grpc-js's own would, at once: nothing here has to be waited for, so nothing is kept for later. */
class SendableCall extends ServerInterceptingCall {
  #headed = false;

  constructor(
    private readonly next: NextCall,
    private readonly path: string,
    private readonly logger: Pick<Logger, 'warn'>,
  ) {
    super(next);
  }

  override start(listener: Parameters<NextCall['start']>[0]): void {
    this.next.start(listener);
  }

  override sendMetadata(metadata: Metadata): void {
    this.#headed = true;
    this.next.sendMetadata(this.#checked(metadata));
  }

  override sendMessage(message: unknown, callback: () => void): void {
    if (!this.#headed) {
      this.#headed = true;
      this.next.sendMetadata(new Metadata());
    }
    this.next.sendMessage(message, callback);
  }

  override sendStatus(status: Parameters<NextCall['sendStatus']>[0]): void {
    const details = sendableText(status.details);
    // Absent, grpc-js does not look at it.
    if (status.metadata) this.next.sendStatus({ ...status, details, metadata: this.#checked(status.metadata) });
    else this.next.sendStatus(details === status.details ? status : { ...status, details });
  }

  #checked(given: unknown): Metadata {
    const { metadata, left } = sendableMetadata(given);
    if (left.length > 0) this.logger.warn(`${this.path} cannot send its metadata ${left.join(', ')}: left out`);
    return metadata;
  }
}

/** What is sent as it is, and surely short enough once it is percent-encoded. */
const PLAIN = /^[\x20-\x7e]{0,2048}$/;

/** A text without half characters, and not longer than clients take. */
export function sendableText(given: unknown): string {
  // Of nearly every call.
  if (typeof given === 'string' && PLAIN.test(given)) return given;
  // No character is shorter once it is encoded.
  const text = Buffer.from(textOf(given).slice(0, MAX_TEXT + 1)).toString();
  if (encodedSize(text) <= MAX_TEXT) return text;
  let size = encodedSize(CUT);
  let end = 0;
  for (const character of text) {
    size += encodedSize(character);
    if (size > MAX_TEXT) break;
    end += character.length;
  }
  return text.slice(0, end) + CUT;
}

/** The metadata that can be sent, and the names of what cannot. A plain object of texts is taken for metadata. */
export function sendableMetadata(given: unknown): { readonly metadata: Metadata; readonly left: readonly string[] } {
  const metadata = new Metadata();
  const left: string[] = [];
  let room = MAX_METADATA;
  for (const [name, all] of entriesOf(given)) {
    const values = SINGLE.has(name.toLowerCase()) ? all.slice(0, 1) : all;
    const size = values.reduce((sum, value) => sum + name.length + sizeOf(value), 0);
    if (size <= room && added(metadata, name, values)) room -= size;
    else left.push(JSON.stringify(name.slice(0, 100)));
  }
  return { metadata, left };
}

/** False where HTTP/2 or gRPC does not let it pass. */
function added(metadata: Metadata, name: string, values: readonly MetadataValue[]): boolean {
  if (RESERVED.has(name.toLowerCase()) || name.includes(':')) return false;
  try {
    for (const value of values) metadata.add(name, value);
    return true;
  } catch {
    metadata.remove(name);
    return false;
  }
}

/** Of metadata, of another copy of grpc-js too, or of a plain object. */
function entriesOf(given: unknown): [string, readonly MetadataValue[]][] {
  if (typeof given !== 'object' || given === null) return [];
  const { toJSON } = given as Partial<Metadata>;
  const fields = Object.entries(typeof toJSON === 'function' ? (toJSON.call(given) as object) : given);
  return fields.map(([name, value]: [string, unknown]) => [
    name,
    (Array.isArray(value) ? value : [value]).map(valueOf),
  ]);
}

function valueOf(value: unknown): MetadataValue {
  return Buffer.isBuffer(value) ? value : textOf(value);
}

/** Bytes are sent in base64. */
function sizeOf(value: MetadataValue): number {
  return typeof value === 'string' ? value.length : Math.ceil(value.length / 3) * 4;
}

function encodedSize(text: string): number {
  return encodeURI(text).length;
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  try {
    return value === null ? '' : ((JSON.stringify(value) as string | undefined) ?? '');
  } catch {
    return '';
  }
}
