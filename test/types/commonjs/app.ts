/** What a CommonJS application writes; `types.spec.ts` compiles it as one. */
import { join } from 'node:path';
import { defineService, RookeryModule } from 'rookery';
import { createInstance } from 'rookery/core';
import { etcd } from 'rookery/etcd';
import { channelOptions } from 'rookery/grpc';
import { memory } from 'rookery/registries';
import { eventually } from 'rookery/testing';

// #region contract
export const Users = defineService({
  name: 'user-server',
  package: 'user',
  protoPath: join(__dirname, '../proto/user.proto'),
});
// #endregion

export const root = RookeryModule.forRoot({ registry: etcd({ hosts: '127.0.0.1:2379' }) });
export const values = [createInstance, channelOptions, memory, eventually];
