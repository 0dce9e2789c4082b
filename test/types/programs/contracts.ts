import { defineService } from 'rookery';
import { UserServiceService } from '../generated/grpc-js/user.js';
import type { UserServiceController } from '../generated/nest/user.js';

// Definitions that a generator wrote: no .proto file at run time.
export const Users = defineService({ name: 'user-server', services: { UserService: UserServiceService } });

// A .proto file, and the interface that belongs to it.
export const UsersFromProto = defineService<{ UserService: UserServiceController }>({
  name: 'user-server-from-proto',
  package: 'user',
  protoPath: 'test/types/proto/user.proto',
});
