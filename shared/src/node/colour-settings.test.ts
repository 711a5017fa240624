import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const MODULE = fileURLToPath(new URL('./colour-settings.ts', import.meta.url));
const SCRIPT = `
  const { settleColours } = await import(${JSON.stringify(MODULE)});
  settleColours(process.env);
  const { styleText } = await import('node:util');
  process.stdout.write(styleText('red', 'x'));
`;
const RED = '\u001b[31mx\u001b[39m';

describe('the settings of colours', () => {
  it.each([
    [{ NO_COLOR: '1', FORCE_COLOR: '1' }, RED],
    [{ NODE_DISABLE_COLORS: '1', FORCE_COLOR: '3' }, RED],
    [{ NO_COLOR: '1', FORCE_COLOR: '0' }, 'x'],
    [{ NO_COLOR: '1', FORCE_COLOR: '' }, 'x'],
    [{ NO_COLOR: '1' }, 'x'],
    [{ NO_COLOR: '', FORCE_COLOR: '1' }, RED],
    [{}, 'x'],
  ])('are %j without a word on stderr', (settings, printed) => {
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', SCRIPT], {
      env: { PATH: process.env['PATH'], ...settings },
      encoding: 'utf8',
    });
    expect({ stdout, stderr }).toEqual({ stdout: printed, stderr: '' });
  });
});
