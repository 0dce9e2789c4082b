import type { ServiceInstance } from 'rookery/core';
import { channelOptions } from 'rookery/grpc';

type Directory = Parameters<typeof channelOptions>[0];

export interface Picked {
  readonly instance: ServiceInstance;
}

/** A balancer, as far as a scale looks at it. */
export interface ChannelBalancer {
  pick(call: { groups?: readonly string[]; deadline: number; attempts: number }): { readonly pick?: Picked };
  onChange(listener: () => void): Disposable;
  close(): void;
  report(endpoint: Picked, state: 'ready'): void;
  endpoints(): IterableIterator<Picked>;
}

interface Handle {
  createBalancer(service: string, connect: () => unknown): ChannelBalancer;
}

/** The balancer that a channel would have which connects to every instance, with connections that are there at once. */
export function channelBalancer(directory: Directory, service: string): ChannelBalancer {
  const handle = Object.values(channelOptions(directory, { subset: false })).find(isHandle);
  if (!handle) throw new Error('the options of a channel bring no balancer');
  return handle.createBalancer(service, () => CONNECTION);
}

/** Connects what has come since the last time. */
export function connectAll(balancer: ChannelBalancer): void {
  for (const endpoint of balancer.endpoints()) balancer.report(endpoint, 'ready');
}

const CONNECTION = {
  received: undefined,
  instanceChanged: () => {},
  inquire: () => false,
  prompt: () => false,
  close: () => {},
};

function isHandle(value: unknown): value is Handle {
  return typeof value === 'object' && value !== null && 'createBalancer' in value;
}
