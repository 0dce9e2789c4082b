import { connectivityState as State, experimental, Metadata, status, type ChannelOptions } from '@grpc/grpc-js';
import type { Balancer } from '../core/balancer.js';
import type { CallFailure } from '../core/call.js';
import type { Endpoint } from '../core/endpoint.js';
import type { Carriage } from './carrier.js';
import { recordOf, type GrpcCall } from './call-record.js';
import { rememberFailure } from './call-error.js';
import { LANE_HEADER } from './lane.js';
import { SubchannelConnection } from './connection.js';
import { handleIn, serviceIn, type ChannelHandle } from './handle.js';
import { detached } from './request-context.js';
import { SubchannelArgs } from './subchannel-args.js';
import { MAX_WAITING, WaitingCalls } from './waiting-calls.js';

type Picker = experimental.Picker;
type PickResult = experimental.PickResult;

/** The policy's name in service configs. */
export const POLICY_NAME = 'rookery_v1';

/** The policy has no configuration of its own: everything is in the channel's options. */
export class DiscoveryPolicyConfig implements experimental.TypedLoadBalancingConfig {
  static createFromJson(): DiscoveryPolicyConfig {
    return new DiscoveryPolicyConfig();
  }
  getLoadBalancerName(): string {
    return POLICY_NAME;
  }
  toJsonObject(): object {
    return { [POLICY_NAME]: {} };
  }
}

/** Forwards between grpc-js and the balancer that the channel's handle makes: deltas never pass through grpc-js. */
export class DiscoveryPolicy implements experimental.LoadBalancer, Picker {
  #balancer: Balancer | undefined;
  #carriage: Carriage | undefined;
  #published: State | undefined;
  readonly #waiting = new WaitingCalls(() => this.#publish());
  #service = '';

  constructor(private readonly helper: experimental.ChannelControlHelper) {}

  /** The list is always empty: what it brings is the channel's options. Refusing it would leave calls waiting. */
  updateAddressList(
    list: experimental.StatusOr<experimental.Endpoint[]>,
    _config: experimental.TypedLoadBalancingConfig,
    options: ChannelOptions,
  ): boolean {
    const handle = handleIn(options);
    const service = serviceIn(options);
    if (this.#balancer) return true;
    if (!handle || !service) {
      const details = list.ok
        ? `the policy ${POLICY_NAME} serves only discovery:/// targets of channelOptions(directory).`
        : list.error.details;
      this.helper.updateState(State.TRANSIENT_FAILURE, new experimental.UnavailablePicker({ details }), details);
      return true;
    }
    this.#service = service;
    // What it starts outlives the request that happens to be the first.
    this.#balancer = detached(() => this.#follow(handle, service, options));
    this.#waiting.flush();
    return true;
  }

  pick({ metadata }: experimental.PickArgs): PickResult {
    const call = recordOf(metadata);
    const result = presetOf(call) ?? this.#balancer!.pick(call);
    if ('pick' in result) {
      writeLane(metadata, result.pick.instance.peer > 0 ? call.lane : undefined);
      return (result.pick.connection as SubchannelConnection).pick!;
    }
    // It was sent, and is not worth waiting for somebody else.
    if (call.answered && !('wait' in result && call.waitForReady)) return dropped(call);
    const { waitForReady = false } = metadata.getOptions();
    // grpc-js keeps such a call by itself.
    const kept = waitForReady && 'fail' in result && !FINAL.includes(result.fail.reason);
    if ('fail' in result && (!kept || this.#waiting.admit())) return failed(result.fail, waitForReady);
    return this.#waiting.admit() ? QUEUED : failed(queueFull(this.#service), waitForReady);
  }

  /** Called for every call: must stay empty. */
  exitIdle(): void {}

  resetBackoff(): void {
    for (const { connection } of this.#balancer?.endpoints() ?? [])
      (connection as SubchannelConnection | undefined)?.resetBackoff();
  }

  destroy(): void {
    this.#balancer?.close();
    // Another policy may serve the channel by now.
    if (this.#carriage && this.#carriage.balancer === this.#balancer) this.#carriage.balancer = undefined;
    this.#balancer = undefined;
  }

  getTypeName(): string {
    return POLICY_NAME;
  }

  #follow(handle: ChannelHandle, service: string, options: ChannelOptions): Balancer {
    const args = new SubchannelArgs(options, handle.serverName);
    const balancer: Balancer = handle.createBalancer(service, (endpoint) => {
      return new SubchannelConnection(endpoint, {
        createSubchannel: (address, subchannelOptions) => this.helper.createSubchannel(address, subchannelOptions),
        args,
        healthCheck: handle.healthCheck,
        carriage: handle.carriage,
        secure: handle.secure,
        balancer: () => balancer,
        host: options['grpc.default_authority'] ?? service,
        time: handle.time,
        random: handle.random,
      });
    });
    this.#carriage = handle.carriage;
    if (this.#carriage) this.#carriage.balancer = balancer;
    balancer.onChange(() => {
      if (stateOf(balancer) === this.#published) this.#waiting.wake();
      else this.#waiting.flush();
    });
    return balancer;
  }

  #publish(): void {
    const balancer = this.#balancer;
    if (!balancer) return;
    this.#published = stateOf(balancer);
    this.helper.updateState(this.#published, this, null);
  }
}

/** Who was picked before grpc-js was asked, while he still takes calls. */
function presetOf(call: GrpcCall): { readonly pick: Endpoint } | undefined {
  const { preset } = call;
  if (!preset) return undefined;
  call.preset = undefined;
  // It may have been dropped since, and dropped endpoints keep their state.
  const connection = preset.connection as SubchannelConnection | undefined;
  return preset.state === 'ready' && !preset.draining && connection?.pick ? { pick: preset } : undefined;
}

/** The metadata is that of one attempt, and is sent: another attempt may go to somebody who knows no lanes. */
function writeLane(metadata: Metadata, lane: string | undefined): void {
  if (lane === undefined) metadata.remove(LANE_HEADER);
  else metadata.set(LANE_HEADER, lane);
}

const UNUSED = { status: null, onCallStarted: null, onCallEnded: null };
const QUEUED: PickResult = { ...UNUSED, pickResultType: experimental.PickResultType.QUEUE, subchannel: null };

function queueFull(service: string): CallFailure {
  const details = `${service}: ${MAX_WAITING} calls wait for an instance already.`;
  return { reason: 'ROOKERY_QUEUE_FULL', service, details };
}

/** Failures that no waiting heals: a call that waits for readiness must not wait for them either. */
const FINAL: readonly CallFailure['reason'][] = ['ROOKERY_VIEW_FAILED', 'ROOKERY_QUEUE_FULL', 'ROOKERY_PICKER_FAILED'];

/** UNAVAILABLE where it says nothing else. */
const CODES: { readonly [R in CallFailure['reason']]?: status } = {
  ROOKERY_QUEUE_FULL: status.RESOURCE_EXHAUSTED,
  ROOKERY_PICKER_FAILED: status.INTERNAL,
};

/**
 * A dropped call ends; any other failure would be sent again by grpc-js, as if a server had said so. Calls that wait for
 * readiness without our knowledge are kept by grpc-js itself.
 */
function failed(failure: CallFailure, waitForReady: boolean): PickResult {
  const metadata = rememberFailure(new Metadata(), failure);
  const code = CODES[failure.reason] ?? status.UNAVAILABLE;
  const { DROP, TRANSIENT_FAILURE } = experimental.PickResultType;
  return {
    ...UNUSED,
    pickResultType: waitForReady && !FINAL.includes(failure.reason) ? TRANSIENT_FAILURE : DROP,
    subchannel: null,
    status: { code, details: failure.details, metadata },
  };
}

/** Ends a call as its last attempt has ended. */
function dropped(call: GrpcCall): PickResult {
  const status = call.answered!;
  call.answered = undefined;
  call.ended = true;
  return { ...UNUSED, pickResultType: experimental.PickResultType.DROP, subchannel: null, status };
}

function stateOf(balancer: Balancer): State {
  const { state } = balancer;
  return state === 'ready' ? State.READY : state === 'connecting' ? State.CONNECTING : State.TRANSIENT_FAILURE;
}
