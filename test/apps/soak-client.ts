/** A client with mux that calls as it is told on IPC, and says what it has done after each phase, and what it holds. */
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { getServiceToken, RookeryModule, type AsyncClient } from 'rookery';
import { seededRandom } from 'rookery/testing';
import { SoakCallers } from './soak-callers.js';
import { SOAK, takeSample, type Soak, type SoakRequest } from './soak.js';

@Module({ imports: [RookeryModule.forRoot({ mux: true }), RookeryModule.forFeature([SOAK])] })
class ClientModule {}

async function main(): Promise<void> {
  const app = await NestFactory.createApplicationContext(ClientModule, { logger: ['warn', 'error'] });
  const soak: AsyncClient<Soak> = app.get(getServiceToken(SOAK, 'Soak'));
  const callers = new SoakCallers(soak, seededRandom(Number(process.env['SOAK_SEED'] ?? 1)));
  const answer = async (request: SoakRequest): Promise<void> => {
    if (request === 'sample') return void process.send!(takeSample());
    await callers.run(request.callers, request.ms);
    process.send!(callers.report);
  };
  process.on('message', (request) => void answer(request as SoakRequest));
  process.once('disconnect', () => process.exit());
  process.send!('listening');
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
