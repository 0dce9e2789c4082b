import type { ServiceInstance } from '../core/instance.js';
import type { RegistrationState } from '../core/registration.js';
import { Shown } from '../core/shown.js';

/** A registration as JSON and in logs: its state, and the instance as the registry holds it. */
export abstract class ShownRegistration extends Shown {
  abstract readonly state: RegistrationState;
  abstract readonly instance: ServiceInstance;

  toJSON(): { readonly state: RegistrationState; readonly instance: ServiceInstance } {
    return { state: this.state, instance: this.instance };
  }
}
