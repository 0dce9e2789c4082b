import { isProduction } from '../../system/production.js';
import type { StopOptions } from '../options.js';

const DRAIN_MS = 20_000;
/** In development who restarts by hand waits for it, ms. */
const DEVELOPMENT_DRAIN_MS = 10_000;
const DEVELOPMENT_STREAM_MS = 500;

/** How long a stop lets running calls, and of that streams, go on. */
export function stopLimits(options: StopOptions = {}, env: NodeJS.ProcessEnv): Required<StopOptions> {
  const production = isProduction(env);
  const { drainMs = production ? DRAIN_MS : DEVELOPMENT_DRAIN_MS } = options;
  const { streamMs = production ? drainMs : DEVELOPMENT_STREAM_MS } = options;
  return { drainMs, streamMs };
}
