import { Client, type ChannelCredentials, type ClientOptions } from '@grpc/grpc-js';
import type { EventSink } from '../../core/event.js';
import { isInstrumented } from '../../grpc/instrumented.js';
import { MuxChannel } from '../../mux/client/mux-channel.js';
import { systemRandom } from '../../system/random.js';
import { systemTime } from '../../system/time.js';
import { DEFAULT_MAX_RECEIVE, LEAST_BATCH, type MuxSettings } from '../mux-options.js';

const UNLIMITED = 0xffff_ffff;

export interface ClientMuxParts {
  readonly credentials: ChannelCredentials;
  readonly channelOptions: ClientOptions | undefined;
  readonly emit: EventSink;
}

/** Mux for a client, unless it has what only single calls of grpc-js give it. */
export function clientMux(settings: MuxSettings, parts: ClientMuxParts): MuxChannel | { readonly off: string } {
  const { channelOptions: own = {}, emit } = parts;
  if (isInstrumented(Client.prototype, 'makeUnaryRequest')) return { off: 'an instrumentation of grpc-js' };
  // Of credentials that are made anew for every call.
  if ('callCredentials' in parts.credentials) return { off: 'call credentials' };
  if (own.interceptors?.length || own.interceptor_providers?.length) return { off: 'interceptors' };
  if (own.callInvocationTransformer) return { off: 'callInvocationTransformer' };
  const key = KEPT_BY_GRPC.find((name) => own[name]);
  if (key !== undefined) return { off: key };
  const maxReceive = own['grpc.max_receive_message_length'] ?? DEFAULT_MAX_RECEIVE;
  if (maxReceive >= 0 && maxReceive < LEAST_BATCH.answers) return { off: 'grpc.max_receive_message_length' };
  const maxSend = own['grpc.max_send_message_length'] ?? -1;
  return new MuxChannel({
    time: systemTime,
    random: systemRandom,
    maxMessageBytes: maxSend >= 0 ? Math.min(maxSend, settings.maxMessageBytes) : settings.maxMessageBytes,
    maxResponseBytes: maxReceive >= 0 ? maxReceive : UNLIMITED,
    emit,
  });
}

/** The last of them would end connections under calls that grpc-js does not know. */
const KEPT_BY_GRPC = [
  'grpc.service_config',
  'grpc.default_compression_algorithm',
  'grpc.client_idle_timeout_ms',
] as const;
