import type { Directory } from '../../core/directory.js';
import type { ServiceView } from '../../core/view.js';

/** Resolves once each of the services has an instance that takes calls, or when the signal aborts. */
export async function untilAvailable(
  directory: Directory,
  services: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(services.map((service) => available(directory, service, signal)));
}

/** Those of the services that have no instance yet. */
export function unavailable(directory: Directory, services: readonly string[]): string[] {
  return services.filter((service) => !takesCalls(directory.view(service)));
}

function available(directory: Directory, service: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const check = () => {
      if (!signal.aborted && !takesCalls(directory.view(service))) return;
      subscription[Symbol.dispose]();
      signal.removeEventListener('abort', check);
      resolve();
    };
    const subscription = directory.subscribe(service, check);
    signal.addEventListener('abort', check);
    check();
  });
}

function takesCalls(view: ServiceView): boolean {
  if (view.status !== 'known') return false;
  for (const { status, weight } of view.instances.values()) if (status === 'up' && weight > 0) return true;
  return false;
}
