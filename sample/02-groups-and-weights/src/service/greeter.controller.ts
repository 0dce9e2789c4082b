import { Controller, Inject } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { RegisterService } from 'rookery';
import { Greeters } from '../contracts.js';

export const NAME = Symbol('name');

@Controller()
@RegisterService(Greeters)
export class GreeterController {
  constructor(@Inject(NAME) private readonly name: string) {}

  @GrpcMethod('Greeter', 'Hello')
  hello(): { by: string } {
    return { by: this.name };
  }
}
