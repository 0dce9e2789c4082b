import { constants } from 'node:http2';
import { Metadata, status, type experimental, type MethodDefinition } from '@grpc/grpc-js';
import type { MessageStream, StreamListener } from './carrier.js';

/** One byte of flags and four of length before each message (gRPC over HTTP/2, "Length-Prefixed-Message"). */
export const FRAME_HEADER = 5;

export interface SubchannelCallOptions<Request> {
  readonly subchannel: experimental.SubchannelInterface;
  /** The authority of the channel. */
  readonly host: string;
  readonly method: Pick<MethodDefinition<Request, unknown>, 'path' | 'requestSerialize'>;
  readonly request: Request;
  /** Told to the server; whoever calls keeps the time himself. Default none. */
  readonly timeoutMs?: number;
  /** Must not throw, and neither may `onEnd`: they run in listeners of grpc-js, where that ends the process. */
  readonly onMessage: (message: Buffer) => void;
  /** Once, also after `cancel`. */
  readonly onEnd: (code: status, details: string) => void;
}

export interface SubchannelCall {
  /** Ends it, with this status. */
  cancel(code: status, details: string): void;
}

/**
 * A call with one request on one connection: any channel in between could put it on another, and grpc-js's
 * single-subchannel channel rejects a promise that nobody holds when the connection breaks while it starts.
 * @throws {Error} where the subchannel is not connected
 */
export function startCall<Request>(options: SubchannelCallOptions<Request>): SubchannelCall {
  const { subchannel, host, method, request, timeoutMs, onMessage, onEnd } = options;
  const metadata = new Metadata();
  if (timeoutMs !== undefined) metadata.set('grpc-timeout', `${timeoutMs}m`);
  const call = subchannel.getRealSubchannel().createCall(metadata, host, method.path, {
    onReceiveMetadata: () => call.startRead(),
    onReceiveMessage: (framed: Buffer) => {
      onMessage(framed.subarray(FRAME_HEADER));
      call.startRead();
    },
    onReceiveStatus: ({ code, details }) => onEnd(code, details),
  });
  call.startRead();
  call.sendMessageWithContext({}, frame(method.requestSerialize(request)));
  call.halfClose();
  return { cancel: (code, details) => call.cancelWithStatus(code, details) };
}

export interface SubchannelStreamOptions {
  readonly subchannel: experimental.SubchannelInterface;
  /** The authority of the channel. */
  readonly host: string;
  readonly path: string;
  readonly listener: StreamListener;
}

/**
 * A bidirectional stream on one connection, of messages as they are.
 * @throws {Error} where the subchannel is not connected
 */
export function openStream({ subchannel, host, path, listener }: SubchannelStreamOptions): MessageStream {
  const call = subchannel.getRealSubchannel().createCall(new Metadata(), host, path, {
    onReceiveMetadata: () => {},
    onReceiveMessage: (framed: Buffer) => listener.onMessage(framed.subarray(FRAME_HEADER)),
    onReceiveStatus: ({ code, details, metadata, rstCode }) =>
      listener.onEnd({ code, details, metadata, refused: rstCode === constants.NGHTTP2_REFUSED_STREAM }),
  });
  call.startRead();
  return {
    write: (framed, written) => {
      framed[0] = 0;
      framed.writeUInt32BE(framed.length - FRAME_HEADER, 1);
      call.sendMessageWithContext({ callback: written }, framed);
    },
    read: () => call.startRead(),
    end: () => call.halfClose(),
    cancel: (code, details) => call.cancelWithStatus(code, details),
  };
}

function frame(message: Buffer): Buffer {
  const framed = Buffer.alloc(FRAME_HEADER + message.length);
  framed.writeUInt32BE(message.length, 1);
  message.copy(framed, FRAME_HEADER);
  return framed;
}
