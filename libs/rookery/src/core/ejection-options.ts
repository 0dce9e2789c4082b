import { checkMs } from './duration.js';
import { RookeryError, show } from './errors.js';
import { checkKeys, type KeysOf } from './keys.js';

/** When instances that fail are set aside; named after gRFC A50 where it has the name. */
export interface EjectionOptions {
  /** So many failures in a row eject an instance, at least 1; default 5 (Finagle's failure accrual). */
  readonly consecutiveFailures?: number;
  /** Upper bound of the first ejection, ms, above 0; default 5000. Each further one may take twice as long. */
  readonly baseEjectionMs?: number;
  /** Upper bound of every ejection, ms; default 300 000. */
  readonly maxEjectionMs?: number;
  /** Whether those are ejected, too, that fail far more often than the others of their group (A50); default true. */
  readonly successRate?: boolean;
}

export type EjectionSettings = Readonly<Required<EjectionOptions>>;

const KEYS: KeysOf<EjectionOptions> = {
  consecutiveFailures: true,
  baseEjectionMs: true,
  maxEjectionMs: true,
  successRate: true,
};

export function ejectionSettings(options: EjectionOptions = {}): EjectionSettings {
  const { consecutiveFailures = 5, baseEjectionMs = 5000, maxEjectionMs = 300_000, successRate = true } = options;
  return { consecutiveFailures, baseEjectionMs, maxEjectionMs, successRate };
}

/** @throws {RookeryError} ROOKERY_OPTION_INVALID */
export function checkEjection(value: unknown, path: string): false | EjectionOptions {
  if (value === false) return value;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw wrong(path, value, `Use false, or options: ${Object.keys(KEYS).join(', ')}.`);
  }
  checkKeys(value, KEYS, path);
  const { consecutiveFailures, baseEjectionMs, maxEjectionMs, successRate } = ejectionSettings(value);
  if (!Number.isInteger(consecutiveFailures) || consecutiveFailures < 1)
    throw wrong(`${path}.consecutiveFailures`, consecutiveFailures, 'Use a whole number, at least 1.');
  if (checkMs(baseEjectionMs, `${path}.baseEjectionMs`) === 0)
    throw wrong(`${path}.baseEjectionMs`, 0, 'Use milliseconds above 0, or `ejection: false` for none.');
  if (checkMs(maxEjectionMs, `${path}.maxEjectionMs`) < baseEjectionMs)
    throw wrong(`${path}.maxEjectionMs`, maxEjectionMs, `Use at least baseEjectionMs, which is ${baseEjectionMs}.`);
  if (typeof successRate !== 'boolean') throw wrong(`${path}.successRate`, successRate, 'Use true or false.');
  return value;
}

function wrong(path: string, value: unknown, remedy: string): RookeryError {
  return new RookeryError('ROOKERY_OPTION_INVALID', { path, found: `found ${show(value)}.`, remedy });
}
