import type { Candidate, Picker, PickerFactory, PickRequest } from '../picker.js';
import type { Random } from '../time.js';

/**
 * A picker of the user's, held to its contract: it chooses among those that it was given, and where it fails calls fail,
 * and nothing else. One that threw when it was told of a change is made anew.
 */
export function guarded(factory: PickerFactory): PickerFactory {
  const make = <C extends Candidate>(random: Random): Picker<C> => new GuardedPicker<C>(() => factory<C>(random));
  return Object.assign(make, factory.hashKey && { hashKey: factory.hashKey });
}

class GuardedPicker<C extends Candidate> implements Picker<C> {
  readonly #members = new Set<C>();
  /** Nothing where it does not know its members any more. */
  #picker: Picker<C> | undefined;

  constructor(private readonly make: () => Picker<C>) {}

  add(candidate: C): void {
    this.#members.add(candidate);
    this.#tell((picker) => picker.add(candidate));
  }

  remove(candidate: C): void {
    this.#members.delete(candidate);
    this.#tell((picker) => picker.remove(candidate));
  }

  reweigh(candidate: C): void {
    this.#tell((picker) => picker.reweigh(candidate));
  }

  /** @throws what the picker throws, or that it chose nobody of its own */
  pick(request: PickRequest<C>): C | undefined {
    const chosen = (this.#picker ??= this.#made()).pick(request);
    if (chosen === undefined || chosen === null || this.#members.has(chosen)) return chosen ?? undefined;
    throw new Error('it chose something that it was not given, or was told to forget');
  }

  #tell(change: (picker: Picker<C>) => void): void {
    try {
      if (this.#picker) change(this.#picker);
    } catch {
      this.#picker = undefined;
    }
  }

  #made(): Picker<C> {
    const picker = this.make();
    for (const member of this.#members) picker.add(member);
    return picker;
  }
}
