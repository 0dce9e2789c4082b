import { RookeryError } from '../../core/errors.js';
import { hasMethod, mergeContracts, readContract, type Contract } from '../contract.js';
import type { ContractBook } from '../contract-book.js';
import type { DecoratedController } from './controllers.js';
import type { RookeryLifecycle } from './lifecycle.js';
import { listenPlace } from './listen-place.js';
import type { RookeryGrpcOptions } from '../options.js';
import { muxSettings } from '../mux-options.js';
import { refuseOwn } from './own-dependency.js';
import { RookeryGrpcServer } from './rookery-grpc.server.js';
import type { RookeryRuntime } from '../runtime.js';
import { planServices } from './service-plan.js';
import { nameOf, protoPaths, type ServiceRef } from '../service-ref.js';

/** Makes the servers of `rookeryGrpc`, with everything checked that can be before they listen. */
export class ServerFactory {
  constructor(
    private readonly runtime: RookeryRuntime,
    private readonly lifecycle: RookeryLifecycle,
    private readonly contracts: ContractBook,
    private readonly controllers: () => readonly DecoratedController[],
  ) {}

  create(options: RookeryGrpcOptions): RookeryGrpcServer {
    const service = options.service === undefined ? undefined : nameOf(options.service);
    const { environment, registry } = this.runtime;
    const controllers = this.controllers();
    const own = this.#ownContract(options);
    const contract = this.#contractOf(options, own, controllers);
    // In an application of several servers, the others are not this one's to name.
    const hosted = controllers.filter(({ handlers }) => handlers.some((handler) => hasMethod(contract, handler)));
    const plan = planServices(hosted, { service, option: options.instance, environment: environment.instance });
    refuseOwn(options.dependsOn ?? [], [...plan.map(({ name }) => name), ...(service === undefined ? [] : [service])]);
    const place = listenPlace(options.url, environment.bind, registry);
    const mux = muxSettings(this.runtime.options.mux, options.mux);
    const server = new RookeryGrpcServer({ ...options, ...place }, { contract, own, mux }, this.lifecycle);
    this.lifecycle.attach(server);
    return server;
  }

  /** What the server itself names: its package, or the contract of its service. */
  #ownContract({
    service,
    package: packages,
    protoPath,
    packageDefinition,
    loader,
  }: RookeryGrpcOptions): Contract | undefined {
    if (packages !== undefined && packageDefinition) {
      const names = [packages].flat();
      return {
        packages: names,
        servicePackages: names,
        definition: packageDefinition as Contract['definition'],
        serviceNames: [],
      };
    }
    if (packages !== undefined && protoPath !== undefined) {
      return readContract(
        { package: packages, protoPath: protoPaths(protoPath), ...(loader && { loader: loader as object }) },
        'rookeryGrpc',
      );
    }
    return typeof service === 'object' ? this.#known(service) : undefined;
  }

  /** The package that is given, and nothing else; or else the contracts of the server's service and of the decorators. */
  #contractOf(
    options: RookeryGrpcOptions,
    own: Contract | undefined,
    controllers: readonly DecoratedController[],
  ): Contract {
    const decorated = controllers.flatMap(({ registration: { ref } }) => (ref && this.#known(ref)) ?? []);
    if (own && options.package !== undefined) return own;
    const all = [...(own ? [own] : []), ...decorated];
    if (all.length > 0) return mergeContracts(all);
    throw new RookeryError('ROOKERY_CONTRACT_MISSING', {
      path: 'rookeryGrpc',
      found: 'neither the server nor the decorators of its controllers bring a contract.',
      remedy: 'Set `service: defineService({ … })`, or `package` and `protoPath`.',
    });
  }

  #known(ref: ServiceRef): Contract | undefined {
    return this.contracts.add(ref.name, readContract(ref, `service ${ref.name}`), `server of ${ref.name}`);
  }
}
