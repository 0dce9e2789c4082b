import type { Metadata, ServerUnaryCall } from '@grpc/grpc-js';
import {
  Catch,
  Controller,
  Inject,
  Injectable,
  Scope,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type NestInterceptor,
  type PipeTransform,
} from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import { GrpcMethod } from '@nestjs/microservices';
import { RegisterService } from 'rookery';
import { of, type Observable } from 'rxjs';
import type { Message } from './contract.js';

export type UnaryCall = ServerUnaryCall<Message, Message>;

/** What the server does; each case says it. */
export class Script {
  ask: (message: Message, metadata: Metadata, call: UnaryCall) => unknown = (message) => message;
  clear: (nothing: object, metadata: Metadata, call: UnaryCall) => unknown = () => ({});
  piped: (message: Message, metadata: Metadata, call: UnaryCall) => unknown = (message) => message;
  guard: (context: ExecutionContext) => ReturnType<CanActivate['canActivate']> = () => true;
  pipe: (message: unknown) => unknown = (message) => message;
  intercept: (context: ExecutionContext, next: CallHandler) => Observable<unknown> = (_, next) => next.handle();
  filter: (marked: Marked, host: ArgumentsHost) => unknown = (marked) => of({ text: marked.message });
  /** What a provider of one call sees of it. */
  scoped: (request: ScopedRequest, provider: PerCall) => unknown = () => ({});
}

/** What `REQUEST` is in a microservice. */
export interface ScopedRequest {
  readonly data: Message;
  readonly context: Metadata;
}

/** What the filter catches. */
export class Marked extends Error {}

@Injectable()
class ScriptedGuard implements CanActivate {
  constructor(@Inject(Script) private readonly script: Script) {}
  canActivate(context: ExecutionContext) {
    return this.script.guard(context);
  }
}

@Injectable()
class ScriptedPipe implements PipeTransform {
  constructor(@Inject(Script) private readonly script: Script) {}
  transform(value: unknown, { type }: { readonly type: string }) {
    return type === 'body' ? this.script.pipe(value) : value;
  }
}

@Injectable()
class ScriptedInterceptor implements NestInterceptor {
  constructor(@Inject(Script) private readonly script: Script) {}
  intercept(context: ExecutionContext, next: CallHandler) {
    return this.script.intercept(context, next);
  }
}

@Catch(Marked)
class ScriptedFilter implements ExceptionFilter {
  constructor(@Inject(Script) private readonly script: Script) {}
  catch(marked: Marked, host: ArgumentsHost) {
    return this.script.filter(marked, host);
  }
}

@Controller()
@RegisterService()
export class SemanticsController {
  constructor(@Inject(Script) private readonly script: Script) {}

  @GrpcMethod('Semantics', 'Ask')
  ask(...args: Parameters<Script['ask']>) {
    return this.script.ask(...args);
  }

  @GrpcMethod('Semantics', 'Clear')
  clear(...args: Parameters<Script['clear']>) {
    return this.script.clear(...args);
  }

  @UseGuards(ScriptedGuard)
  @UsePipes(ScriptedPipe)
  @UseInterceptors(ScriptedInterceptor)
  @UseFilters(ScriptedFilter)
  @GrpcMethod('Semantics', 'Piped')
  piped(...args: Parameters<Script['piped']>) {
    return this.script.piped(...args);
  }
}

@Injectable({ scope: Scope.REQUEST })
export class PerCall {
  constructor(@Inject(REQUEST) readonly request: ScopedRequest) {}
}

@Controller({ scope: Scope.REQUEST })
@RegisterService()
export class ScopedController {
  constructor(
    @Inject(Script) private readonly script: Script,
    @Inject(PerCall) private readonly provider: PerCall,
    @Inject(REQUEST) private readonly request: ScopedRequest,
  ) {}

  @GrpcMethod('Semantics', 'Scoped')
  scoped() {
    return this.script.scoped(this.request, this.provider);
  }
}
