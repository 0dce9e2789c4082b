import { Controller, NotFoundException } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { RegisterService } from 'rookery';
import { from, type Observable } from 'rxjs';
import { Users, type User } from '../contracts.js';

const names = ['Ada', 'Grace', 'Barbara'];

@Controller()
@RegisterService(Users)
export class UserController {
  @GrpcMethod('UserService', 'GetById')
  getById({ id }: { id: number }): User {
    const name = names[id];
    if (name === undefined) throw new NotFoundException(`there is no user ${id}`);
    return { id, name, pid: process.pid };
  }

  @GrpcMethod('UserService', 'List')
  list(): Observable<User> {
    return from(names.map((name, id) => ({ id, name, pid: process.pid })));
  }
}
