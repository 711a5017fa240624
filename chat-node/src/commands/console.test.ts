import { expect, it } from 'vitest';
import { FakeNode } from '@p2p-chat/shared/testing';
import { command } from './testing/run-command.js';

it('is no screen in a pipe', async () => {
  const { status, stdout, stderr } = await command(['console']);
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr).toContain('needs a terminal');
  expect(stderr).toContain('--plain');
});

it('says that it speaks in lines where the terminal cannot move the cursor', async () => {
  const node = await FakeNode.start();
  try {
    // A wrong setting ends it before it takes the terminal of the tests.
    const env = { TERM: 'dumb', P2P_CHAT_NOTIFICATIONS: 'loud' };
    const { stderr } = await command(['console'], { tty: true, home: node.home, env });
    expect(stderr).toContain('TERM is "dumb"');
    expect(stderr).toContain('P2P_CHAT_NOTIFICATIONS');
  } finally {
    await node.close();
  }
});
