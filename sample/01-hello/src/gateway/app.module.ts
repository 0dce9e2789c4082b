import { Module } from '@nestjs/common';
import { RookeryModule } from 'rookery';
import { Users } from '../contracts.js';
import { UserGatewayController } from './user-gateway.controller.js';

@Module({ imports: [RookeryModule.forRoot(), RookeryModule.forFeature([Users])], controllers: [UserGatewayController] })
export class AppModule {}
