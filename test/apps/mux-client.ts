/**
 * A client of the probe as a process, with mux unless `MUX_OFF` is set. It makes some calls, and then, as `argv[2]` says:
 * `idle` does nothing more, `close` closes its application while other calls run, and says what became of those. It must
 * end by itself. `wait` waits to be frozen by whoever started it, after it has said that its calls have ended.
 */
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { getServiceToken, RookeryModule, type AsyncClient } from 'rookery';
import { probe, type Probe } from './contracts.js';

const CALLS = 100;
/** Of calls that run when the application closes, ms. */
const RUNS_MS = 1000;

const Service = probe('probe');

@Module({
  imports: [RookeryModule.forRoot({ mux: !process.env['MUX_OFF'] }), RookeryModule.forFeature([Service])],
})
class ClientModule {}

async function main(): Promise<void> {
  const app = await NestFactory.createApplicationContext(ClientModule, { logger: ['warn', 'error'] });
  const client: AsyncClient<Probe> = app.get(getServiceToken(Service, 'Probe'));
  const call = (delayMs: number) => Promise.all(Array.from({ length: CALLS }, () => client.ask({ delayMs })));
  await client.ask({});
  await call(0);
  if (process.argv[2] === 'wait') return void process.send!('called');
  if (process.argv[2] === 'idle') return void process.send!('called', () => process.disconnect());
  const calls = Array.from({ length: CALLS }, () => client.ask({ delayMs: RUNS_MS }).then(() => 'OK', String));
  // Behind them, over the same stream: when it is answered, the others run.
  await client.ask({});
  await app.close();
  process.send!(await Promise.all(calls), () => process.disconnect());
}

void main();
