import type { RookeryModuleOptions } from 'rookery';

/** What both sides of a subject of Rookery say: every option as it is by default, but for mux. */
export function rootOptions(): RookeryModuleOptions {
  return process.env['UNARY_MUX'] ? { mux: true } : {};
}
