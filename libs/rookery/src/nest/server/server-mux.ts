import { Server, type ServerOptions } from '@grpc/grpc-js';
import type { Logger } from '@nestjs/common';
import { isInstrumented } from '../../grpc/instrumented.js';
import { MuxServer } from '../../mux/server/mux-server.js';
import { systemTime } from '../../system/time.js';
import { DEFAULT_MAX_RECEIVE, LEAST_BATCH, type MuxSettings } from '../mux-options.js';
import type { RookeryGrpcOptions } from '../options.js';
import { sendableMetadata, sendableText } from './sendable.js';

/** Mux for a server, unless it has what only single calls of grpc-js give it. */
export function serverMux(
  { maxConcurrent, maxMessageBytes }: MuxSettings,
  settings: RookeryGrpcOptions,
  logger: Pick<Logger, 'warn'>,
): MuxServer | { readonly off: string } {
  const own = (settings.channelOptions ?? {}) as ServerOptions;
  if (own.interceptors?.length) return { off: 'interceptors' };
  if (own['grpc.server_call_metric_recording']) return { off: 'grpc.server_call_metric_recording' };
  if (isInstrumented(Server.prototype, 'register')) return { off: 'an instrumentation of grpc-js' };
  const maxReceive = settings.maxReceiveMessageLength ?? own['grpc.max_receive_message_length'] ?? DEFAULT_MAX_RECEIVE;
  if (maxReceive >= 0 && maxReceive < Math.max(LEAST_BATCH.requests, 2 * maxMessageBytes))
    return { off: 'maxReceiveMessageLength' };
  const maxSend = settings.maxSendMessageLength ?? own['grpc.max_send_message_length'] ?? -1;
  if (maxSend >= 0 && maxSend < LEAST_BATCH.answers) return { off: 'maxSendMessageLength' };
  return new MuxServer({
    time: systemTime,
    maxConcurrent,
    maxRequestBytes: maxMessageBytes,
    maxSendBytes: maxSend,
    metadata: (path, given) => {
      const { metadata, left } = sendableMetadata(given);
      if (left.length > 0) logger.warn(`${path} cannot send its metadata ${left.join(', ')}: left out`);
      return metadata;
    },
    text: sendableText,
  });
}
