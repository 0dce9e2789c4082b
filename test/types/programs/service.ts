import { Controller, Module, type INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GrpcMethod, GrpcStreamMethod, type MicroserviceOptions } from '@nestjs/microservices';
import { RegisterService, rookeryGrpc, RookeryModule, type Registry } from 'rookery';
import { count, from, map, type Observable } from 'rxjs';
import type { GetByIdReq, ImportRes, ListReq, Note, User, UserServiceController } from '../generated/nest/user.js';
import { Users } from './contracts.js';

const names = ['Ada', 'Grace', 'Barbara'];

@Controller()
@RegisterService(Users)
export class UserController implements UserServiceController {
  @GrpcMethod('UserService', 'GetById')
  getById({ id }: GetByIdReq): User {
    return { id, name: names[id % names.length]! };
  }

  @GrpcMethod('UserService', 'List')
  list({ limit }: ListReq): Observable<User> {
    return from(names.slice(0, limit).map((name, id) => ({ id, name })));
  }

  @GrpcStreamMethod('UserService', 'Import')
  import(users: Observable<User>): Observable<ImportRes> {
    return users.pipe(
      count(),
      map((n) => ({ count: n })),
    );
  }

  @GrpcStreamMethod('UserService', 'Chat')
  chat(notes: Observable<Note>): Observable<Note> {
    return notes.pipe(map(({ text }) => ({ text: text.toUpperCase() })));
  }
}

/** A name and options in the decorator. */
@Controller()
@RegisterService('user-server-named', { weight: 50, group: 'A' })
export class NamedController {
  @GrpcMethod('UserService', 'GetById')
  getById({ id }: GetByIdReq): User {
    return { id, name: 'named' };
  }
}

/** The service of the server that hosts it. */
@Controller()
@RegisterService()
export class HostedController {
  @GrpcMethod('UserService', 'GetById')
  getById({ id }: GetByIdReq): User {
    return { id, name: 'hosted' };
  }
}

export async function startService(registry: Registry): Promise<INestMicroservice> {
  @Module({ imports: [RookeryModule.forRoot({ registry })], controllers: [UserController] })
  class AppModule {}

  const app = await NestFactory.createMicroservice<MicroserviceOptions>(
    AppModule,
    rookeryGrpc({ service: Users, url: '127.0.0.1:0', instance: { weight: 100 } }),
  );
  app.enableShutdownHooks();
  await app.listen();
  return app;
}
