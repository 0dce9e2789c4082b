import { experimental, type ChannelOptions } from '@grpc/grpc-js';
import { messageOf } from '../core/errors.js';
import type { ServiceInstance } from '../core/instance.js';
import { serverNameFor, type ServerNameFunction } from './server-name.js';

const PEER_KEEPALIVE: ChannelOptions = {
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
  'grpc.keepalive_permit_without_calls': 1,
};

/** What one endpoint's subchannel is made with. */
export interface ChosenArgs {
  /** Equal for two choices that make the same connection. */
  readonly key: string;
  readonly args: ChannelOptions;
}

/**
 * The arguments of a channel's subchannels. A subchannel's identity includes every value, so these are made once: a
 * selector or anything else of ours among them would make every update a new connection.
 */
export class SubchannelArgs {
  readonly #peer: ChannelOptions;
  readonly #foreign: ChannelOptions;

  constructor(
    options: ChannelOptions,
    private readonly serverName?: ServerNameFunction,
  ) {
    this.#foreign = Object.fromEntries(
      Object.entries(options).filter(
        ([key]) =>
          !key.startsWith(experimental.SUBCHANNEL_ARGS_EXCLUDE_KEY_PREFIX) &&
          key !== experimental.CHANNEL_ARGS_CONFIG_SELECTOR_KEY,
      ),
    ) as ChannelOptions;
    this.#peer = { ...PEER_KEEPALIVE, ...this.#foreign };
  }

  /** The arguments for an instance, or why there are none: the user's function may do anything. */
  choose(instance: ServiceInstance): ChosenArgs | { readonly error: string } {
    const peer = instance.peer > 0;
    const args = peer ? this.#peer : this.#foreign;
    if (!this.serverName) return { key: `${peer}`, args };
    try {
      const name = serverNameFor(this.serverName, instance);
      return { key: `${peer} ${name}`, args: { ...args, 'grpc.ssl_target_name_override': name } };
    } catch (error) {
      return { error: `tls.serverName failed: ${messageOf(error)}` };
    }
  }
}
