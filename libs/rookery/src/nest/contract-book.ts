import { RookeryError } from '../core/errors.js';
import { sameContract, type Contract } from './contract.js';

/** Which contract each service of an application has: two that differ would fail only when a call is made. */
export class ContractBook {
  readonly #known = new Map<string, { readonly contract: Contract; readonly place: string }>();

  /**
   * @returns the contract that was given
   * @throws {RookeryError} ROOKERY_CONTRACT_CONFLICT
   */
  add(service: string, contract: Contract | undefined, place: string): Contract | undefined {
    if (!contract) return undefined;
    const known = this.#known.get(service);
    if (known && !sameContract(known.contract, contract)) {
      throw new RookeryError('ROOKERY_CONTRACT_CONFLICT', {
        path: place,
        found: `${JSON.stringify(service)} has another contract in ${known.place}.`,
        remedy:
          'Define the service once with defineService() and use that everywhere, or give the other one another name.',
      });
    }
    if (!known) this.#known.set(service, { contract, place });
    return contract;
  }
}
