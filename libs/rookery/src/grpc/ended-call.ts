import { Metadata, type CallProperties, type status, type StatusObject } from '@grpc/grpc-js';

type AnyChannel = CallProperties<unknown, unknown>['channel'];
type ChannelCall = ReturnType<AnyChannel['createCall']>;
type Start = Parameters<ChannelCall['start']>;
type Send = Parameters<ChannelCall['sendMessageWithContext']>;

/**
 * A channel for a call that is not to be made: it ends in the next turn, in the way in which calls fail, so that a callback,
 * a stream and an Observable hear of it as of any status. An error that is thrown where a call is made would meet callers
 * of streams who have no handler for it, a picker's INVALID_ARGUMENT becomes INTERNAL, and a call whose deadline has
 * passed is sent by grpc-js all the same: it picks a connection before it looks at the clock.
 *
 * The interceptors of the user stand before the channel, and see the call as any other.
 */
export function endedChannel(channel: AnyChannel, ended: StatusObject): AnyChannel {
  return Object.create(channel, { createCall: { value: () => new EndedCall(channel, ended) } }) as AnyChannel;
}

class EndedCall implements ChannelCall {
  constructor(
    private readonly channel: AnyChannel,
    private ended: StatusObject,
  ) {}

  start(...[, listener]: Start): void {
    process.nextTick(() => listener.onReceiveStatus(this.ended));
  }

  /** Whoever writes is told that he may go on; nobody reads it. */
  sendMessageWithContext(...[{ callback }]: Send): void {
    if (callback) process.nextTick(callback);
  }

  getPeer(): string {
    return this.channel.getTarget();
  }

  getCallNumber(): number {
    return 0;
  }

  getAuthContext(): null {
    return null;
  }

  /** Whoever gives it up at once hears that he did. */
  cancelWithStatus(code: status, details: string): void {
    this.ended = { code, details, metadata: new Metadata() };
  }

  startRead(): void {}
  halfClose(): void {}
  setCredentials(): void {}
}
