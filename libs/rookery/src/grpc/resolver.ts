import { experimental, Metadata, status, type ChannelOptions } from '@grpc/grpc-js';
import { checkName } from '../core/instance.js';
import { messageOf } from '../core/errors.js';
import { handleIn, serviceAttribute } from './handle.js';

type Listener = Parameters<typeof experimental.createResolver>[1];

/** `discovery:///<service>`. */
export const SCHEME = 'discovery';

/**
 * Says once which service a channel wants; everything else flows from the directory to the policy. grpc-js asks again
 * for every failed call, so only the first question after the start, or after idleness, is answered.
 */
export class DiscoveryResolver implements experimental.Resolver {
  #answered = false;

  constructor(
    private readonly target: experimental.GrpcUri,
    private readonly listener: Listener,
    private readonly options: ChannelOptions,
  ) {}

  /** Becomes `:authority`, and the name that a server's certificate must carry. */
  static getDefaultAuthority(target: experimental.GrpcUri): string {
    return target.path.replaceAll(/[^A-Za-z0-9._-]/g, '-');
  }

  updateResolution(): void {
    if (this.#answered) return;
    this.#answered = true;
    process.nextTick(() => this.#answered && this.#answer());
  }

  destroy(): void {
    this.#answered = false;
  }

  #answer(): void {
    const problem = this.#problem();
    if (problem === undefined) {
      this.listener(experimental.statusOrFromValue([]), serviceAttribute(this.target.path), null, '');
    } else {
      const error = { code: status.UNAVAILABLE, details: problem, metadata: new Metadata() };
      this.listener(experimental.statusOrFromError(error), {}, null, '');
    }
  }

  #problem(): string | undefined {
    if (!handleIn(this.options)) {
      return `discovery:///${this.target.path}: the channel has no directory. Create the client with channelOptions(directory) of "rookery/grpc".`;
    }
    try {
      checkName(this.target.path, `discovery:///${this.target.path}`);
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  }
}
