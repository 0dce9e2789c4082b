import { credentials } from '@grpc/grpc-js';
import type { Registry } from 'rookery';
import { channelOptions, createDirectory } from 'rookery/grpc';
import { UserServiceClient } from '../generated/grpc-js/user.js';

/** Discovery without Nest. */
export async function plainName(registry: Registry, id: number): Promise<string> {
  const directory = createDirectory(registry);
  const client = new UserServiceClient(
    'discovery:///user-server',
    credentials.createInsecure(),
    channelOptions(directory),
  );
  try {
    return await new Promise<string>((resolve, reject) => {
      client.getById({ id }, (error, user) => (error ? reject(error) : resolve(user.name)));
    });
  } finally {
    client.close();
    await directory[Symbol.asyncDispose]();
  }
}
