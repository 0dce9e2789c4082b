import type { RookeryModuleOptions } from 'rookery';

/** Whether `forRoot` takes `mux`: until it does, nobody can measure `rookery-mux`. */
export const MUX_EXISTS: boolean = false;

/** What both sides of a subject of Rookery say: every option as it is by default, but for mux. */
export function rootOptions(): RookeryModuleOptions {
  return process.env['UNARY_MUX'] ? ({ mux: true } as RookeryModuleOptions) : {};
}
