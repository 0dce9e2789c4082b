/** grpc-js by itself; with `UNARY_ROUND_ROBIN` over all addresses. */
import { credentials, loadPackageDefinition, type Client, type ServiceClientConstructor } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { PROTO, type Echo } from '../contract.js';
import { runClient } from './run-client.js';

type Callback = (error: Error | null, answer: never) => void;
type Calls = Client & Record<keyof Echo, (message: object, callback: Callback) => void>;

const ROUND_ROBIN = JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] });

runClient(async (addresses) => {
  const { bench } = loadPackageDefinition(loadSync(PROTO.protoPath)) as unknown as {
    bench: { Echo: ServiceClientConstructor };
  };
  const options = process.env['UNARY_ROUND_ROBIN'] ? { 'grpc.service_config': ROUND_ROBIN } : {};
  const target = `ipv4:${addresses.join(',')}`;
  const client = new bench.Echo(target, credentials.createInsecure(), options) as unknown as Calls;
  const promised = (method: keyof Echo) => (message: object) =>
    new Promise<never>((resolve, reject) => {
      client[method](message, (error, answer) => (error ? reject(error) : resolve(answer)));
    });
  return { echo: promised('echo'), list: promised('list'), hold: promised('hold') };
});
