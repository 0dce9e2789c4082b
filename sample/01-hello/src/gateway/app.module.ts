import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { RookeryModule } from 'rookery';
import { Users } from '../contracts.js';
import { CallErrorFilter } from './call-error.filter.js';
import { UserGatewayController } from './user-gateway.controller.js';

@Module({
  imports: [RookeryModule.forRoot(), RookeryModule.forFeature([Users])],
  controllers: [UserGatewayController],
  providers: [{ provide: APP_FILTER, useClass: CallErrorFilter }],
})
export class AppModule {}
