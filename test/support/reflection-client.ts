import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import {
  credentials,
  loadPackageDefinition,
  makeGenericClientConstructor,
  type ClientDuplexStream,
  type GrpcObject,
  type ServiceClientConstructor,
  type status,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

/** Asks which services there are, and leaves the stream open. */
export function reflect(address: string) {
  const folder = dirname(createRequire(import.meta.url).resolve('@grpc/reflection/package.json'));
  const file = join(folder, 'build/proto/grpc/reflection/v1/reflection.proto');
  const loaded = loadPackageDefinition(loadSync(file, { oneofs: true })) as GrpcObject;
  const path = ['grpc', 'reflection', 'v1', 'ServerReflection'];
  const found = path.reduce<unknown>((one, name) => (one as GrpcObject)[name], loaded) as ServiceClientConstructor;
  const Client = makeGenericClientConstructor(found.service, 'ServerReflection');
  const client = new Client(address, credentials.createInsecure());
  const stream = client['ServerReflectionInfo']!() as ClientDuplexStream<object, Listed>;
  const services = new Promise<string[]>((resolve) => {
    stream.on('data', ({ listServicesResponse }: Listed) =>
      resolve(listServicesResponse.service.map((one) => one.name).toSorted()),
    );
  });
  const end = new Promise<status>((resolve) => {
    stream.on('error', () => {});
    stream.on('status', ({ code }: { code: status }) => resolve(code));
  });
  stream.write({ listServices: '*' });
  return { services, end, close: () => client.close() };
}

interface Listed {
  readonly listServicesResponse: { readonly service: readonly { readonly name: string }[] };
}
