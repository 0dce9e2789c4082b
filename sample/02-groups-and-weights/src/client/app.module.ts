import { Module } from '@nestjs/common';
import { RookeryModule } from 'rookery';
import { Greeters } from '../contracts.js';
import { Tally } from './tally.js';

@Module({ imports: [RookeryModule.forRoot(), RookeryModule.forFeature([Greeters])], providers: [Tally] })
export class AppModule {}
