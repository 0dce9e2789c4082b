import type { experimental } from '@grpc/grpc-js';

/** The part of grpc-js's transport that knows its socket; private, so any of it may be missing. */
interface Transport {
  readonly session?: { readonly destroyed?: boolean; readonly socket?: { readonly bytesRead?: number } };
}

/** How much has come over the connection of a subchannel so far, bytes; nothing where there is no telling. */
export function receivedBytes(subchannel: experimental.SubchannelInterface): number | undefined {
  const { transport } = subchannel.getRealSubchannel() as unknown as { readonly transport?: Transport | null };
  // A destroyed session throws where its socket is read.
  return transport?.session?.destroyed === false ? transport.session.socket?.bytesRead : undefined;
}
