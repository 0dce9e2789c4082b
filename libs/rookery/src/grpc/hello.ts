import { Metadata, status, type experimental } from '@grpc/grpc-js';
import { messageOf } from '../core/errors.js';
import { PEER_VERSION } from '../core/instance.js';
import type { Time } from '../core/time.js';
import { PEER_SERVICE, type HelloResponse } from './peer.js';

/** A longer answer is not one of ours, and would take its time to read, bytes. */
const MAX_BYTES = 65_536;

/** An answer, or why there is none; `foreign` where the other side does not speak our peer protocol. */
export type HelloResult = { readonly hello: HelloResponse } | { readonly error: string; readonly foreign: boolean };

export interface HelloOptions {
  readonly subchannel: experimental.SubchannelInterface;
  /** The authority of the channel. */
  readonly host: string;
  readonly time: Time;
  /** Default 2000. */
  readonly timeoutMs?: number;
}

/**
 * Asks the other side of one connection who it is. Goes to the subchannel itself: any channel in between could put the
 * question on another connection, and grpc-js's single-subchannel channel rejects a promise that nobody holds when the
 * connection breaks while it starts.
 */
export function sayHello({ subchannel, host, time, timeoutMs = 2000 }: HelloOptions): Promise<HelloResult> {
  return new Promise((resolve) => {
    const { path, requestSerialize } = PEER_SERVICE.Hello;
    const metadata = new Metadata();
    metadata.set('grpc-timeout', `${timeoutMs}m`);
    let body: Buffer | undefined;
    const call = subchannel.getRealSubchannel().createCall(metadata, host, path, {
      onReceiveMetadata: () => call.startRead(),
      onReceiveMessage: (message) => {
        body = message;
        call.startRead();
      },
      onReceiveStatus: ({ code, details }) => {
        timer[Symbol.dispose]();
        if (code === status.OK) resolve(parse(body));
        else resolve({ error: details, foreign: code === status.UNIMPLEMENTED });
      },
    });
    const timer = time.after(timeoutMs, () =>
      call.cancelWithStatus(status.DEADLINE_EXCEEDED, `no answer to Hello in ${timeoutMs} ms`),
    );
    call.startRead();
    call.sendMessageWithContext({}, frame(requestSerialize({ version: PEER_VERSION })));
    call.halfClose();
  });
}

/** Runs inside a listener of grpc-js, where whatever is thrown ends the process: an answer may be anything. */
function parse(body: Buffer | undefined): HelloResult {
  if (!body) return { error: 'no answer to Hello', foreign: true };
  if (body.length > MAX_BYTES) return { error: `an answer to Hello of ${body.length} bytes`, foreign: true };
  try {
    return { hello: PEER_SERVICE.Hello.responseDeserialize(body.subarray(FRAME_HEADER)) };
  } catch (error) {
    return { error: `malformed answer to Hello: ${messageOf(error)}`, foreign: true };
  }
}

/** One byte of flags and four of length before each message (gRPC over HTTP/2, "Length-Prefixed-Message"). */
const FRAME_HEADER = 5;

function frame(message: Buffer): Buffer {
  const framed = Buffer.alloc(FRAME_HEADER + message.length);
  framed.writeUInt32BE(message.length, 1);
  message.copy(framed, FRAME_HEADER);
  return framed;
}
