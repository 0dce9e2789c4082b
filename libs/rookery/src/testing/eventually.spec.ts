import { describe, expect, it } from 'vitest';
import { eventually } from './eventually.js';

describe('eventually', () => {
  it('tries until it does not throw, and returns the value', async () => {
    let tries = 0;
    const value = await eventually(async () => {
      if ((tries += 1) < 3) throw new Error('not yet');
      return tries;
    });
    expect(value).toBe(3);
  });

  it('throws the last error when the time is over', async () => {
    let tries = 0;
    const failing = eventually(() => Promise.reject(new Error(`try ${(tries += 1)}`)), { timeoutMs: 50, everyMs: 5 });
    await expect(failing).rejects.toThrow(/^try [2-9]|^try 1\d/);
  });
});
