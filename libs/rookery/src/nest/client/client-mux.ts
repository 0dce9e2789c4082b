import type { ChannelCredentials, ClientOptions } from '@grpc/grpc-js';
import type { EventSink } from '../../core/event.js';
import { MuxChannel } from '../../mux/client/mux-channel.js';
import { systemTime } from '../../system/time.js';
import type { MuxSettings } from '../mux-options.js';

/** What grpc-js takes of an answer where nothing else is said, bytes. */
const DEFAULT_MAX_RECEIVE = 4 * 1024 * 1024;
/** A batch must fit, bytes. */
const LEAST_RECEIVE = 128 * 1024;
const UNLIMITED = 0xffff_ffff;

export interface ClientMuxParts {
  readonly credentials: ChannelCredentials;
  readonly channelOptions: ClientOptions | undefined;
  readonly emit: EventSink;
}

/** Mux for a client, unless it has what only single calls of grpc-js give it. */
export function clientMux(settings: MuxSettings, parts: ClientMuxParts): MuxChannel | { readonly off: string } {
  const { channelOptions: own = {}, emit } = parts;
  // Of credentials that are made anew for every call.
  if ('callCredentials' in parts.credentials) return { off: 'call credentials' };
  if (own.interceptors?.length || own.interceptor_providers?.length) return { off: 'interceptors' };
  if (own.callInvocationTransformer) return { off: 'callInvocationTransformer' };
  const key = KEPT_BY_GRPC.find((name) => own[name]);
  if (key !== undefined) return { off: key };
  const maxReceive = own['grpc.max_receive_message_length'] ?? DEFAULT_MAX_RECEIVE;
  if (maxReceive >= 0 && maxReceive < LEAST_RECEIVE) return { off: 'grpc.max_receive_message_length' };
  const maxSend = own['grpc.max_send_message_length'] ?? -1;
  return new MuxChannel({
    time: systemTime,
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
