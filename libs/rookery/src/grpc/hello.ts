import { status, type experimental } from '@grpc/grpc-js';
import { messageOf } from '../core/errors.js';
import { PEER_VERSION } from '../core/instance.js';
import type { Time } from '../core/time.js';
import { PEER_SERVICE, type HelloResponse } from './peer.js';
import { startCall } from './subchannel-call.js';

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

/** Asks the other side of one connection who it is. */
export function sayHello({ subchannel, host, time, timeoutMs = 2000 }: HelloOptions): Promise<HelloResult> {
  return new Promise((resolve) => {
    let body: Buffer | undefined;
    const call = startCall({
      subchannel,
      host,
      method: PEER_SERVICE.Hello,
      request: { version: PEER_VERSION },
      timeoutMs,
      onMessage: (message) => (body = message),
      onEnd: (code, details) => {
        timer[Symbol.dispose]();
        if (code === status.OK) resolve(parse(body));
        else resolve({ error: details, foreign: code === status.UNIMPLEMENTED });
      },
    });
    const timer = time.after(timeoutMs, () =>
      call.cancel(status.DEADLINE_EXCEEDED, `no answer to Hello in ${timeoutMs} ms`),
    );
  });
}

/** An answer may be anything. */
function parse(body: Buffer | undefined): HelloResult {
  if (!body) return { error: 'no answer to Hello', foreign: true };
  if (body.length > MAX_BYTES) return { error: `an answer to Hello of ${body.length} bytes`, foreign: true };
  try {
    return { hello: PEER_SERVICE.Hello.responseDeserialize(body) };
  } catch (error) {
    return { error: `malformed answer to Hello: ${messageOf(error)}`, foreign: true };
  }
}
