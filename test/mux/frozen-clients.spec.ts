import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MuxStage, stopped } from '../support/mux-stage.js';

describe('a client that is frozen after its last call', { timeout: 30_000 }, () => {
  let stage: MuxStage;
  beforeEach(() => void (stage = new MuxStage()));
  afterEach(() => stage.close());

  it.each([true, false])('does not hold up the end of a server until its limit, with mux: %s', async (mux) => {
    const server = await stage.server('a', { mux, drainMs: 600_000 });
    const { child } = await stage.clientProcess('wait', mux);
    child.kill('SIGSTOP');
    const { unary, ofHttp2, streams } = await stopped(server);
    if (mux) expect(ofHttp2 - streams).toBeLessThan(unary / 4);
  });
});
