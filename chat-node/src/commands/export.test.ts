import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { shortPeerId, type MessageView, type PeerView } from '@p2p-chat/shared';
import { FakeNode } from '@p2p-chat/shared/testing';
import { command } from './testing/run-command.js';

let node: FakeNode;
let bob: PeerView;
beforeEach(async () => {
  node = await FakeNode.start();
  bob = node.person('Bob');
});
afterEach(() => node.close());

describe('export', () => {
  it.each([0, 1, 999, 1_000, 1_001, 2_000, 2_345])(
    'gives %i messages once each, oldest first',
    async (count) => {
      const bodies = Array.from({ length: count }, (_, i) => `m${i}`);
      if (count > 0) node.receive(bob, ...bodies);
      const { status, stdout } = await command(['export', 'Bob'], { home: node.home });
      expect(status).toBe(0);
      const lines = stdout.split('\n').slice(0, -1);
      expect(lines.map((line) => (JSON.parse(line) as MessageView).body)).toEqual(bodies);
    },
  );

  it('writes Markdown in which every text stands for itself', async () => {
    node.receive(bob, '# no *title*\n- [no](list)\n1. no\n\n\u001b[31m`plain`');
    const { stdout } = await command(['export', 'Bob', '--format', 'markdown'], { home: node.home });
    expect(stdout).toMatch(
      /^# Conversation with Bob\n\n## \d{4}-\d\d-\d\d\n\n<!-- .* -->\n\n\*\*Bob\*\* \d\d:\d\d\n\n/,
    );
    expect(stdout).toContain(
      '> \\# no \\*title\\*  \n> \\- \\[no\\](list)  \n> 1\\. no  \n>  \n> \\`plain\\`\n',
    );
  });

  it('tells people of one name apart in Markdown', async () => {
    node.person('Bob', { ambiguous: true });
    node.receive(bob, 'hello');
    const { stdout } = await command(['export', bob.peerId, '--format', 'markdown'], { home: node.home });
    const label = `Bob (${shortPeerId(bob.peerId)})`;
    expect(stdout.split('\n')[0]).toBe(`# Conversation with ${label}`);
    expect(stdout).toContain(`\n**${label}** `);
    expect(stdout).not.toContain('**Bob**');
  });

  it('knows no third format', async () => {
    expect(await command(['export', 'Bob', '--format', 'xml'], { home: node.home })).toMatchObject({
      status: 2,
    });
  });
});
