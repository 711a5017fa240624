import { useEffect, useKeypress } from '@inquirer/core';
import type { Key } from 'node:readline';
import { Keyboard } from '../keyboard.js';

/**
 * Calls `handler` for each key, from the first drawing until the prompt is done;
 * what comes after that stays for the next one.
 * @param writes whether text is written here: several lines that come at once are then one pasted text
 */
export function useKeys(handler: (key: Key) => void, { writes = true } = {}): void {
  useKeypress((key, rl) => {
    // The text is ours: readline must not take it for part of what is drawn.
    rl.clearLine(0);
    handler(key);
  });
  useEffect((rl) => {
    const input: unknown = rl.input;
    return input instanceof Keyboard ? input.attach(writes) : undefined;
  }, []);
}
