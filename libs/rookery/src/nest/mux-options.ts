import { RookeryError, show } from '../core/errors.js';
import { checkKeys, type KeysOf } from '../core/keys.js';

/** How unary calls between peers share one stream (docs/reference/mux.md). */
export interface MuxOptions {
  /**
   * Of a request, bytes: a client sends larger ones one by one, and a server takes no larger ones over a stream. Default
   * 8192.
   */
  readonly maxMessageBytes?: number;
  /** Calls of one client that a server takes over a stream at a time; more go one by one. Default 16 384. */
  readonly maxConcurrent?: number;
}

export type MuxSettings = Required<MuxOptions>;

const DEFAULTS: MuxSettings = { maxMessageBytes: 8192, maxConcurrent: 16_384 };
const KEYS: KeysOf<MuxOptions> = { maxMessageBytes: true, maxConcurrent: true };
/** What grpc-js takes of a message where nothing else is said, bytes. */
export const DEFAULT_MAX_RECEIVE = 4 * 1024 * 1024;
/** What a limit for messages must leave for a batch of requests, and of answers with all their metadata, bytes. */
export const LEAST_BATCH = { requests: 128 * 1024, answers: 1024 * 1024 } as const;

const BOUNDS: MuxSettings = { maxMessageBytes: 1 << 20, maxConcurrent: 1 << 20 };

/** @throws {RookeryError} ROOKERY_OPTION_INVALID */
export function checkMux(mux: unknown, path: string): void {
  if (typeof mux === 'boolean') return;
  if (typeof mux !== 'object' || mux === null)
    throw wrong(path, mux, 'Use true, false, or { maxMessageBytes, maxConcurrent }.');
  checkKeys(mux, KEYS, path);
  for (const [key, value] of Object.entries(mux) as [keyof MuxOptions, unknown][]) {
    const most = BOUNDS[key];
    if (value !== undefined && !(Number.isInteger(value) && (value as number) > 0 && (value as number) <= most))
      throw wrong(`${path}.${key}`, value, `Use a whole number from 1 to ${most}.`);
  }
}

/**
 * What holds: the last layer that says anything switches it on or off, and each figure is that of the last one that has it.
 * @returns nothing where it is off
 */
export function muxSettings(...layers: readonly (boolean | MuxOptions | undefined)[]): MuxSettings | undefined {
  const said = layers.filter((layer) => layer !== undefined);
  if ((said.at(-1) ?? false) === false) return undefined;
  const figures = said.flatMap((layer) => (typeof layer === 'object' ? Object.entries(layer) : []));
  return { ...DEFAULTS, ...Object.fromEntries(figures.filter(([, value]) => value !== undefined)) };
}

function wrong(path: string, value: unknown, remedy: string): RookeryError {
  return new RookeryError('ROOKERY_OPTION_INVALID', { path, found: `found ${show(value)}.`, remedy });
}
