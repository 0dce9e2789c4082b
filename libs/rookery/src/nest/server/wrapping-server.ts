import {
  Server,
  type MethodDefinition,
  type ServiceDefinition,
  type UntypedHandleCall,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';

export type ServerMethod = MethodDefinition<unknown, unknown>;
type Wrap = (method: UntypedHandleCall, definition: ServerMethod) => UntypedHandleCall;

/** grpc-js's server; every method that it is given, by Nest, by the user or by us, is wrapped first. */
export class WrappingServer extends Server {
  readonly #paths = new Set<string>();

  constructor(
    options: ConstructorParameters<typeof Server>[0],
    private readonly wrap: Wrap,
  ) {
    super(options);
  }

  /** Whether somebody has added a method, such as `/grpc.health.v1.Health/Check`. */
  has(path: string): boolean {
    return this.#paths.has(path);
  }

  override addService(service: ServiceDefinition, implementation: UntypedServiceImplementation): void {
    const wrapped: UntypedServiceImplementation = {};
    for (const [name, definition] of Object.entries(service)) {
      // As grpc-js looks for it: a method may stand in a class, under its own name or that of the contract.
      const method = implementation[name] ?? implementation[definition.originalName ?? name];
      if (method) wrapped[name] = this.wrap(method.bind(implementation) as UntypedHandleCall, definition);
    }
    super.addService(service, wrapped);
    for (const name of Object.keys(wrapped)) this.#paths.add(service[name]!.path);
  }
}
