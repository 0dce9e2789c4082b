import { Server, type ListenOptions } from 'node:net';
import { ServiceBroker } from 'moleculer';

/** A broker of Moleculer, as `UNARY_NATS` (its URL) or `UNARY_URLS` (all addresses, for TCP) says. */
export function makeBroker(nodeID: string, port?: number): ServiceBroker {
  const { UNARY_NATS, UNARY_URLS } = process.env;
  if (!UNARY_NATS) listenOnLoopback();
  const tcp = {
    type: 'TCP' as const,
    // By default one broker keeps 32 connections, and would close and open them in turn beside more.
    options: {
      udpDiscovery: false,
      useHostname: true,
      urls: UNARY_URLS ?? '',
      ...(port !== undefined && { port }),
      maxConnections: 64,
    },
  };
  return new ServiceBroker({
    nodeID,
    logger: false,
    transporter: UNARY_NATS ? { type: 'NATS', options: { url: UNARY_NATS } } : tcp,
  });
}

/** Its TCP transporter has no option for where it listens, and a bench is not for others to connect to. */
function listenOnLoopback(): void {
  const listen = Reflect.get(Server.prototype, 'listen') as (...options: unknown[]) => Server;
  Server.prototype.listen = function (this: Server, first: ListenOptions, ...more: unknown[]) {
    return listen.call(this, { ...first, host: '127.0.0.1' }, ...more);
  } as Server['listen'];
}
