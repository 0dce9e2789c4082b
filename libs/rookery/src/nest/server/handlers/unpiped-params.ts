import { shared } from '../../../system/shared.js';

/** What a handler's parameter is made of, as Nest knows it. */
interface Param {
  readonly index: number;
  readonly extractValue: (...args: unknown[]) => unknown;
  readonly pipes: readonly unknown[];
}

type FillParams = (values: unknown[], ...args: unknown[]) => unknown;

/** The part of Nest's `RpcContextCreator` that makes the parameters of a handler. */
interface ContextCreator {
  createPipesFn(pipes: readonly unknown[], params: readonly Param[]): FillParams | null;
}

const filled = shared('unpiped params', () => new WeakSet<object>());

/**
 * From now on, parameters without a pipe are filled in at once. Nest makes seven promises for the three that a gRPC handler
 * has, a third of what a small call costs the server; which pipes there are is known when the handler is bound. Handlers
 * with any pipe, be it global, of the class, of the method or of a parameter, are left to Nest. It holds for the handlers of every transport in the process.
 */
export function fillUnpipedParams(creator: ContextCreator): void {
  if (filled.has(creator) || typeof creator.createPipesFn !== 'function') return;
  filled.add(creator);
  const original = Reflect.get(creator, 'createPipesFn') as ContextCreator['createPipesFn'];
  creator.createPipesFn = function (this: ContextCreator, pipes, params) {
    const unpiped = params.length > 0 && pipes.length === 0 && params.every((param) => param.pipes.length === 0);
    return unpiped ? fillingIn(params) : original.call(this, pipes, params);
  };
}

/** The value of a decorator of the user's may be a promise, and Nest awaits it. */
function fillingIn(params: readonly Param[]): FillParams {
  return (values, ...args) => {
    let awaited: Promise<unknown>[] | undefined;
    for (const { index, extractValue } of params) {
      try {
        const value = extractValue(...args);
        if (isThenable(value)) (awaited ??= []).push(Promise.resolve(value).then((one) => (values[index] = one)));
        else values[index] = value;
      } catch (error) {
        // Those before it must be heard, or one that is refused would end the process.
        if (!awaited) throw error;
        awaited.push(Promise.reject(error as Error));
        break;
      }
    }
    return awaited && Promise.all(awaited);
  };
}

function isThenable(value: unknown): boolean {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

/** Nest keeps the class to itself; where it is elsewhere, everything is as Nest has it. */
export async function fillUnpipedParamsOfNest(): Promise<void> {
  try {
    const { RpcContextCreator } = await import('@nestjs/microservices/context/rpc-context-creator.js');
    fillUnpipedParams(RpcContextCreator.prototype as unknown as ContextCreator);
  } catch {
    // Slower, and no different.
  }
}
