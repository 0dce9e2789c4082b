import { defineService } from 'rookery';

export interface User {
  id: number;
  name: string;
  pid: number;
}

export interface UserService {
  getById(request: { id: number }): Promise<User>;
  list(request: object): AsyncIterable<User>;
}

/** The contract: written once, taken by the service, its clients and their tests. */
export const Users = defineService<{ UserService: UserService }>({
  name: 'user-server',
  package: 'user',
  protoPath: new URL('../proto/user.proto', import.meta.url),
});
