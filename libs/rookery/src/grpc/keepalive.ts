import type { experimental } from '@grpc/grpc-js';

/** The part of grpc-js's transport that decides whether a keepalive is due; private, so any of it may be missing. */
interface Transport {
  readonly session?: { readonly closed?: boolean };
  canSendPing?(): boolean;
}

/**
 * Keeps a connection that closes from being pinged. A server that stops, or a client that has dropped the endpoint, closes
 * it once its running calls have ended; Node refuses a ping from then on, grpc-js takes that for a lost connection, and a
 * call that runs when the next keepalive is due ends as `UNAVAILABLE: Connection dropped`. For one connection: to be
 * called again on the next, and only after grpc-js has finished telling of READY.
 */
export function sparePings(subchannel: experimental.SubchannelInterface): void {
  const { transport } = subchannel.getRealSubchannel() as unknown as { readonly transport?: Transport | null };
  if (!transport?.session || typeof transport.canSendPing !== 'function') return;
  // Another channel may share the connection, and has done it.
  if (Object.hasOwn(transport, 'canSendPing')) return;
  const canSendPing = transport.canSendPing.bind(transport);
  transport.canSendPing = () => transport.session?.closed !== true && canSendPing();
}
