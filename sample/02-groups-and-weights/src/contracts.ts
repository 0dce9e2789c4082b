import { defineService } from 'rookery';

export interface Greeter {
  hello(request: object): Promise<{ by: string }>;
}

export const Greeters = defineService<{ Greeter: Greeter }>({
  name: 'greeter-server',
  package: 'greeter',
  protoPath: new URL('../proto/greeter.proto', import.meta.url),
});
