/** Whose servers are restarted. */
export type ServerKind = 'rookery' | 'rookery-mux' | 'stock' | 'stock-graceful';

/** Who calls them; without grpc's own retries, a call that any server refused has failed. */
export type ClientKind =
  'rookery' | 'rookery-retries-off' | 'rookery-mux' | 'rookery-mux-retries-off' | 'stock' | 'stock-retries-off';

/** A call that did not end as it should have. */
export interface FailedCall {
  readonly method: 'ask' | 'follow';
  /** gRPC's name of it, or INCOMPLETE: it ended with OK, but without some of its messages. */
  readonly status: string;
  readonly details: string;
  /** Unix ms. */
  readonly sentAt: number;
  readonly endedAt: number;
  readonly messages: number;
  readonly expected: number;
  /** Who was asked last, where that is known: the name of a server, or the id under which it registered. */
  readonly instance?: string | undefined;
  readonly attempts?: number | undefined;
}

/** What a client process tells of its calls so far. */
export interface ClientReport {
  readonly calls: number;
  readonly failed: number;
  readonly statuses: Readonly<Record<string, number>>;
  /** The first of them. */
  readonly failures: readonly FailedCall[];
  /** The calls by the server that answered. */
  readonly answered: Readonly<Record<string, number>>;
  /** The longest that a call took over what its handler waits, ms. */
  readonly slowestMs: number;
  /** It is the last one. */
  readonly done: boolean;
}
