import { expect, it } from 'vitest';
import { command } from './testing/run-command.js';

it('sends who has a terminal that cannot move the cursor to the commands', async () => {
  const { status, stdout, stderr } = await command(['console'], { tty: true, env: { TERM: 'dumb' } });
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr).toContain('TERM is "dumb"');
  expect(stderr).toContain('events');
});
