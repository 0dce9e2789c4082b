import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import type { Time } from '../../core/time.js';
import { settled } from '../settled.js';
import { readAnswer, writeQuery, type Answer, type Query, type Question } from './message.js';

export interface DnsServer {
  /** An address, not a name. */
  readonly host: string;
  readonly port: number;
}

export interface ExchangeOptions {
  readonly server: DnsServer;
  readonly question: Question;
  readonly time: Time;
  /** For each of the two transports. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Asks one server once: over UDP, and over TCP where the answer does not fit.
 * Rejects where there is no answer in time, or none that can be read.
 */
export async function exchange(options: ExchangeOptions): Promise<Answer> {
  const answer = await overUdp(options, writeQuery(options.question, true));
  if (answer.rcode === 'FORMERR' || answer.rcode === 'NOTIMP') {
    // A server from before EDNS (RFC 6891 §7).
    return whole(options, await overUdp(options, writeQuery(options.question, false)), false);
  }
  return whole(options, answer, true);
}

async function whole(options: ExchangeOptions, answer: Answer, edns: boolean): Promise<Answer> {
  return answer.truncated ? overTcp(options, writeQuery(options.question, edns)) : answer;
}

/** From a port of its own for each question, which is what makes answers hard to forge (RFC 5452). */
function overUdp(options: ExchangeOptions, query: Query): Promise<Answer> {
  const { host, port } = options.server;
  return settled<Answer>(options, (resolve, reject) => {
    const socket = createSocket(isIPv6(host.replace(/%.*$/, '')) ? 'udp6' : 'udp4').unref();
    socket.on('error', reject);
    socket.on('message', (bytes) => take(bytes, query, resolve, reject));
    // Connected, so that only this server is heard, and its machine can say that nobody listens there.
    socket.once('connect', () => socket.send(query.bytes));
    // With a callback, a server that cannot be routed to would be told to that, and not as an error.
    socket.connect(port, host);
    return () => socket.close();
  });
}

/** RFC 7766: each message stands behind its length. */
function overTcp(options: ExchangeOptions, query: Query): Promise<Answer> {
  return settled<Answer>(options, (resolve, reject) => {
    const socket = connect(options.server).unref();
    const length = Buffer.alloc(2);
    length.writeUInt16BE(query.bytes.length);
    socket.on('connect', () => socket.write(Buffer.concat([length, query.bytes])));
    let heard = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      heard = Buffer.concat([heard, chunk]);
      const end = heard.length < 2 ? Infinity : 2 + heard.readUInt16BE(0);
      if (heard.length < end) return;
      take(heard.subarray(2, end), query, resolve, reject);
      // A connection has one server at its end: what it says is the answer, or there is none.
      reject(new Error('it answered another question'));
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('it ended the connection')));
    return () => void socket.destroy();
  });
}

type Resolve = (answer: Answer) => void;
type Reject = (error: Error) => void;

function take(bytes: Buffer, query: Query, resolve: Resolve, reject: Reject): void {
  try {
    const answer = readAnswer(bytes, query);
    if (answer) resolve(answer);
  } catch (cause) {
    reject(new Error('its answer cannot be read', { cause }));
  }
}
