import type { ServiceInstance } from 'rookery/core';
import { channelOptions } from 'rookery/grpc';

type Directory = Parameters<typeof channelOptions>[0];

export interface Picked {
  readonly instance: ServiceInstance;
}

/** A call, as far as a balancer looks at it. */
export interface ScaleCall {
  readonly groups?: readonly string[] | undefined;
  readonly clientGroups?: readonly string[] | undefined;
  readonly lane?: string | undefined;
  readonly hashKey?: string;
  readonly unary?: boolean;
  readonly idempotent?: boolean | undefined;
  readonly timeoutMs?: number | undefined;
  readonly deadline: number;
  readonly madeAt?: number;
  attempts: number;
  /** A server may have seen it, and it is sent again. */
  processed?: boolean;
}

/** A balancer, as far as a bench looks at it. */
export interface ChannelBalancer {
  pick(call: ScaleCall): { readonly pick?: Picked; readonly wait?: boolean };
  callStarted(endpoint: Picked, call: ScaleCall): void;
  /** Says whether the call is to be sent again. */
  callEnded(endpoint: Picked, call: ScaleCall, outcome: { code: number; processed: boolean; ms: number }): boolean;
  onChange(listener: () => void): Disposable;
  close(): void;
  report(endpoint: Picked, state: 'ready' | 'failed', error?: string): void;
  endpoints(): IterableIterator<Picked>;
}

/** Opens the connection of an endpoint. */
type Connect = (endpoint: Picked) => typeof CONNECTION;

interface Handle {
  createBalancer(service: string, connect: Connect): ChannelBalancer;
}

type Options = Parameters<typeof channelOptions>[1];

/**
 * The balancer that a channel with these options would have.
 * @param connect default connections that are there at once, once `connectAll` says so
 */
export function channelBalancer(
  directory: Directory,
  service: string,
  options: Options = {},
  connect: Connect = () => CONNECTION,
): ChannelBalancer {
  const handle = Object.values(channelOptions(directory, { subset: false, ...options })).find(isHandle);
  if (!handle) throw new Error('the options of a channel bring no balancer');
  return handle.createBalancer(service, connect);
}

/** Connects what has come since the last time. */
export function connectAll(balancer: ChannelBalancer): void {
  for (const endpoint of balancer.endpoints()) balancer.report(endpoint, 'ready');
}

const CONNECTION = {
  connected: true,
  received: undefined as number | undefined,
  instanceChanged: () => {},
  inquire: () => false,
  prompt: () => false,
  close: () => {},
};

function isHandle(value: unknown): value is Handle {
  return typeof value === 'object' && value !== null && 'createBalancer' in value;
}
