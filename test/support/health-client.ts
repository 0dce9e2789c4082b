import { once } from 'node:events';
import {
  credentials,
  makeGenericClientConstructor,
  status,
  type Client,
  type ClientReadableStream,
  type ServiceDefinition,
  type ServiceError,
} from '@grpc/grpc-js';
import { service as HEALTH } from 'grpc-health-check';

interface Said {
  readonly status: string;
}

interface Asked {
  readonly service: string;
}

type HealthClient = Client & {
  check(asked: Asked, answered: (error: ServiceError | null, said?: Said) => void): void;
  watch(asked: Asked): ClientReadableStream<Said>;
};

const HealthClient = makeGenericClientConstructor(HEALTH as ServiceDefinition, 'Health') as unknown as new (
  ...args: ConstructorParameters<typeof Client>
) => HealthClient;

/** What `grpc.health.v1` says of a service at an address, or the code of its error. */
export function askHealth(address: string, service: string): Promise<string | status> {
  const client = new HealthClient(address, credentials.createInsecure());
  return new Promise<string | status>((resolve) =>
    client.check({ service }, (error, said) => resolve(error ? error.code : said!.status)),
  ).finally(() => client.close());
}

/** Resolves when the server has said how the service is; `statuses` goes on to grow, `end` is the code at the end. */
export async function watchHealth(address: string, service: string) {
  const client = new HealthClient(address, credentials.createInsecure());
  const stream = client.watch({ service });
  const statuses: string[] = [];
  const end = new Promise<status>((resolve) => {
    stream.on('error', () => {});
    stream.on('status', ({ code }: { code: status }) => {
      client.close();
      resolve(code);
    });
  });
  stream.on('data', (said: Said) => statuses.push(said.status));
  await once(stream, 'data');
  return { statuses, end };
}
