import { Controller, Get, Param, ParseIntPipe } from '@nestjs/common';
import { InjectService, type AsyncClient } from 'rookery';
import { Users, type User, type UserService } from '../contracts.js';

@Controller('users')
export class UserGatewayController {
  constructor(@InjectService(Users, 'UserService') private readonly users: AsyncClient<UserService>) {}

  @Get()
  async list(): Promise<User[]> {
    const found: User[] = [];
    for await (const user of this.users.list({})) found.push(user);
    return found;
  }

  @Get(':id')
  getById(@Param('id', ParseIntPipe) id: number): Promise<User> {
    return this.users.getById({ id }, { timeoutMs: 500 });
  }
}
