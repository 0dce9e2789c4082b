import { Controller } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { RegisterService } from 'rookery';
import type { Items, Query, Text } from '../contract.js';
import { handlers } from '../handlers.js';

/** The same for Nest's own gRPC server, which does not look at `@RegisterService()`. */
@Controller()
@RegisterService()
export class GrpcController {
  @GrpcMethod('Echo')
  echo(message: Text): Text {
    return handlers.echo(message);
  }

  @GrpcMethod('Echo')
  list(query: Query): Items {
    return handlers.list(query);
  }

  @GrpcMethod('Echo')
  hold(): Promise<Text> {
    return handlers.hold();
  }
}
