import { describe } from 'vitest';
import { baselineCases, peerCases } from './support/cases.js';
import { InteropStage } from './support/interop-stage.js';
import { GRPC_GO, GRPC_GO_ELSEWHERE } from './support/peers.js';

describe(GRPC_GO.name, () => {
  const stage = new InteropStage();
  baselineCases(stage, GRPC_GO);
  peerCases(stage, GRPC_GO);
});

describe(GRPC_GO_ELSEWHERE.name, () => {
  const stage = new InteropStage();
  baselineCases(stage, GRPC_GO_ELSEWHERE);
  describe('with Nest', () => peerCases(stage, GRPC_GO_ELSEWHERE));
});
