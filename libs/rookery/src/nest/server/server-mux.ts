import { Server, type ServerOptions } from '@grpc/grpc-js';
import type { Logger } from '@nestjs/common';
import { isInstrumented } from '../../grpc/instrumented.js';
import { MuxServer } from '../../mux/server/mux-server.js';
import { systemTime } from '../../system/time.js';
import type { MuxSettings } from '../mux-options.js';
import type { RookeryGrpcOptions } from '../options.js';
import { sendableMetadata, sendableText } from './sendable.js';

/** What grpc-js takes of a message where nothing else is said, bytes. */
const DEFAULT_MAX_RECEIVE = 4 * 1024 * 1024;
/** A batch must fit, bytes. */
const LEAST_RECEIVE = 128 * 1024;

/** Mux for a server, unless it has what only single calls of grpc-js give it. */
export function serverMux(
  { maxConcurrent, maxMessageBytes }: MuxSettings,
  settings: RookeryGrpcOptions,
  logger: Pick<Logger, 'warn'>,
): MuxServer | { readonly off: string } {
  const own = (settings.channelOptions ?? {}) as ServerOptions;
  if (own.interceptors?.length) return { off: 'interceptors' };
  if (isInstrumented(Server.prototype, 'register')) return { off: 'an instrumentation of grpc-js' };
  const maxReceive = settings.maxReceiveMessageLength ?? own['grpc.max_receive_message_length'] ?? DEFAULT_MAX_RECEIVE;
  if (maxReceive >= 0 && maxReceive < Math.max(LEAST_RECEIVE, 2 * maxMessageBytes))
    return { off: 'maxReceiveMessageLength' };
  return new MuxServer({
    time: systemTime,
    maxConcurrent,
    maxRequestBytes: maxMessageBytes,
    maxSendBytes: settings.maxSendMessageLength ?? own['grpc.max_send_message_length'] ?? -1,
    metadata: (path, given) => {
      const { metadata, left } = sendableMetadata(given);
      if (left.length > 0) logger.warn(`${path} cannot send its metadata ${left.join(', ')}: left out`);
      return metadata;
    },
    text: sendableText,
  });
}
