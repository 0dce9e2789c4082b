import { Module } from '@nestjs/common';
import { RookeryModule } from 'rookery';
import { UserController } from './user.controller.js';

@Module({ imports: [RookeryModule.forRoot()], controllers: [UserController] })
export class AppModule {}
