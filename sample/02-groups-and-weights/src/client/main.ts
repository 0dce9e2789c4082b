import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { calls } from './calls.js';
import { Tally } from './tally.js';

const app = await NestFactory.createApplicationContext(AppModule, { logger: ['warn', 'error'] });
const tally = app.get(Tally);
console.log('waiting for heavy, light and canary …');
await tally.meet(['heavy', 'light', 'canary']);
for (const [name, call] of Object.entries(calls)) console.log(name.padEnd(24), await call(tally));
await app.close();
