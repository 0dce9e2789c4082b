import { describe } from 'vitest';
import { baselineCases, peerCases } from './support/cases.js';
import { InteropStage } from './support/interop-stage.js';
import { GO_ZERO } from './support/peers.js';

describe(GO_ZERO.name, () => {
  const stage = new InteropStage();
  baselineCases(stage, GO_ZERO);
  describe('with Nest', () => peerCases(stage, GO_ZERO));
});
