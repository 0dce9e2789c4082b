import { Controller } from '@nestjs/common';
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
    return { id, name: names[id % names.length]!, pid: process.pid };
  }

  @GrpcMethod('UserService', 'List')
  list(): Observable<User> {
    return from(names.map((name, id) => ({ id, name, pid: process.pid })));
  }
}
