import {
  request as plain,
  type Agent,
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from 'node:http';
import { request as secure } from 'node:https';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { MAX_LIST_BYTES } from '../service-list.js';
import { settled, type Limits } from '../settled.js';

export interface HttpReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Of a 200; else empty. */
  readonly body: string;
}

export interface HttpRequest extends Limits {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly agent: Agent;
}

/** A redirect that is not followed, or one too many. */
export class RedirectError extends Error {}

const MAX_REDIRECTS = 3;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * Gets a URL in time, and follows redirects within its origin: another one must not hear our headers, nor name our
 * instances. Rejects with what went wrong on the way, and with RedirectError.
 */
export function get(request: HttpRequest): Promise<HttpReply> {
  return settled(request, (resolve, reject) => {
    const over = new AbortController();
    // Each step has the whole time, and ends with it.
    follow({ ...request, signal: over.signal }).then(resolve, reject);
    return () => over.abort();
  });
}

async function follow(request: HttpRequest): Promise<HttpReply> {
  let { url } = request;
  for (let hops = 0; hops <= MAX_REDIRECTS; hops += 1) {
    const reply = await getOnce({ ...request, url });
    const { location } = reply.headers;
    if (!REDIRECTS.has(reply.status) || location === undefined) return reply;
    const next = URL.canParse(location, url.href) ? new URL(location, url) : undefined;
    if (next?.origin !== request.url.origin)
      throw new RedirectError(`it redirects to ${next?.origin ?? 'what is no URL'}, which is another origin`);
    url = next;
  }
  throw new RedirectError(`it redirects more than ${MAX_REDIRECTS} times`);
}

/** A connection that was kept open may have been closed by the other side just when it was used again. */
async function getOnce(request: HttpRequest): Promise<HttpReply> {
  for (;;) {
    let sent: ClientRequest | undefined;
    try {
      return await attempt(request, (it) => (sent = it));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (!sent?.reusedSocket || (code !== 'ECONNRESET' && code !== 'EPIPE') || request.signal.aborted) throw error;
    }
  }
}

async function attempt(request: HttpRequest, onSent: (sent: ClientRequest) => void): Promise<HttpReply> {
  const { url, headers, agent } = request;
  const { bytes, ...reply } = await settled<Omit<HttpReply, 'body'> & { readonly bytes: Buffer }>(
    request,
    (resolve, reject) => {
      let whole = false;
      const options = { agent, headers: { 'accept-encoding': 'gzip', ...headers } };
      const sent = url.protocol === 'https:' ? secure(url, options) : plain(url, options);
      onSent(sent);
      sent.on('socket', (socket) => socket.unref());
      sent.on('error', reject);
      sent.on('response', (response) => {
        const { statusCode: status = 0, headers: heard } = response;
        const done = (found: Buffer) => {
          whole = response.complete;
          resolve({ status, headers: heard, bytes: found });
        };
        if (status === 200) collect(response, done, reject);
        else if (status === 304) response.resume().on('end', () => done(EMPTY));
        else done(EMPTY);
      });
      sent.end();
      // What was read to its end leaves a connection that can be used again.
      return () => void (whole || sent.destroy());
    },
  );
  return { ...reply, body: await textOf(bytes, reply.headers['content-encoding']) };
}

const EMPTY = Buffer.alloc(0);

function collect(response: IncomingMessage, resolve: (body: Buffer) => void, reject: (error: Error) => void): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MAX_LIST_BYTES) reject(new Error(`it sends more than ${MAX_LIST_BYTES} bytes`));
    else chunks.push(chunk);
  });
  response.on('end', () => resolve(Buffer.concat(chunks)));
  response.on('error', reject);
  response.on('close', () => reject(new Error('it ended the connection in the middle of its answer')));
}

const unzip = promisify(gunzip);

/** Unpacked, too, a list has its limit: a small answer can hold a large one. */
async function textOf(bytes: Buffer, encoding: string | undefined): Promise<string> {
  if (bytes.length === 0 || encoding === undefined || encoding === 'identity') return bytes.toString('utf8');
  if (encoding !== 'gzip') throw new Error('it packs its answer in another way than gzip');
  return (await unzip(bytes, { maxOutputLength: MAX_LIST_BYTES })).toString('utf8');
}
