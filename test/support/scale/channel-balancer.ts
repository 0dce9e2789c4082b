import type { ServiceInstance } from 'rookery/core';
import { channelOptions } from 'rookery/grpc';

type Directory = Parameters<typeof channelOptions>[0];

export interface Picked {
  readonly instance: ServiceInstance;
}

interface ScaleCall {
  readonly groups?: readonly string[] | undefined;
  readonly hashKey?: string;
  readonly unary?: boolean;
  readonly deadline: number;
  attempts: number;
}

/** A balancer, as far as a scale looks at it. */
export interface ChannelBalancer {
  pick(call: ScaleCall): { readonly pick?: Picked };
  callStarted(endpoint: Picked, call: ScaleCall): void;
  callEnded(endpoint: Picked, call: ScaleCall, outcome: { code: number; processed: boolean; ms: number }): void;
  onChange(listener: () => void): Disposable;
  close(): void;
  report(endpoint: Picked, state: 'ready'): void;
  endpoints(): IterableIterator<Picked>;
}

interface Handle {
  createBalancer(service: string, connect: () => unknown): ChannelBalancer;
}

type Options = Parameters<typeof channelOptions>[1];

/** The balancer that a channel with these options would have, with connections that are there at once. */
export function channelBalancer(directory: Directory, service: string, options: Options = {}): ChannelBalancer {
  const handle = Object.values(channelOptions(directory, { subset: false, ...options })).find(isHandle);
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
