/**
 * A client with mux as a process: `LEDGER_CLIENT` is which one it is, from 0, `LEDGER_CLIENTS` of how many, and `LEDGER_CALLERS`
 * how many calls it has at a time. Calls until it is told to stop, writes what became of each call to `LEDGER_FILE`, and
 * must end by itself.
 */
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { getServiceToken, RookeryModule, type AsyncClient } from 'rookery';
import { seededRandom } from 'rookery/testing';
import { LedgerCallers } from './ledger-callers.js';
import { LEDGERS, type Ledger, type LedgerReport } from './mux-ledger.js';

const REPORT_MS = 100;
/** Calls that have not ended so long after the last one was made never will, ms. */
const HANGS_MS = 40_000;

const { LEDGER_CLIENT = '0', LEDGER_CLIENTS = '1', LEDGER_CALLERS = '64', LEDGER_FILE = '' } = process.env;
const { LEDGER_SEED = '1' } = process.env;
const [client, clients] = [Number(LEDGER_CLIENT), Number(LEDGER_CLIENTS)];

@Module({ imports: [RookeryModule.forRoot({ mux: true }), RookeryModule.forFeature([LEDGERS])] })
class ClientModule {}

async function main(): Promise<void> {
  const app = await NestFactory.createApplicationContext(ClientModule, { logger: ['warn', 'error'] });
  const ledger: AsyncClient<Ledger> = app.get(getServiceToken(LEDGERS, 'Ledger'));
  const random = seededRandom(Number(LEDGER_SEED) + client);
  const callers = new LedgerCallers(ledger, (n) => n * clients + client, random);
  const reportOf = (done: boolean): LedgerReport => {
    const { made, ended, surprises } = callers;
    return { made, ended, surprises, done };
  };
  const stopped = new Promise<void>((resolve) => process.once('message', () => resolve()));
  const reporting = setInterval(() => process.send!(reportOf(false)), REPORT_MS);
  const running = callers.run(Number(LEDGER_CALLERS));
  await stopped;
  callers.stop();
  await Promise.race([running, sleep(HANGS_MS, undefined, { ref: false })]);
  clearInterval(reporting);
  writeFileSync(LEDGER_FILE, callers.outcomes.subarray(0, callers.made));
  await app.close();
  process.send!(reportOf(true), () => process.disconnect());
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
