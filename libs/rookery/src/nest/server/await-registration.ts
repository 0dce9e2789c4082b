import { LATE, within, type Time } from '../../core/time.js';
import type { RookeryGrpcOptions } from '../options.js';
import type { HostedServer } from './hosted-server.js';
import { notHealthyInTime, notInTime } from './lifecycle-errors.js';

const WAIT_MS = 3000;
const TIMEOUT_MS = 30_000;

/**
 * Waits for the registry a while: a server serves without it, unless it must not. Then whatever it waits for before it is
 * registered has the same time once more, so that neither is blamed for the other.
 * @throws {RookeryError} ROOKERY_REGISTRATION_TIMEOUT, or why it cannot be registered
 */
export async function awaitRegistration(
  server: HostedServer,
  { requireRegistry = false, registerWaitMs = WAIT_MS, registerTimeoutMs = TIMEOUT_MS }: RookeryGrpcOptions,
  { time, registry }: { readonly time: Time; readonly registry: string },
): Promise<void> {
  if (!requireRegistry) return void (await within(time, registerWaitMs, server.registered()));
  if ((await within(time, registerTimeoutMs, server.publication.done())) === LATE)
    throw notHealthyInTime(server.parts?.rotation.problem, registerTimeoutMs);
  if ((await within(time, registerTimeoutMs, server.registered())) === LATE)
    throw notInTime(registry, registerTimeoutMs);
}
