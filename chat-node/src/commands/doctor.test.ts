import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DiagnosisLine } from '@p2p-chat/shared';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeNode } from '@p2p-chat/shared/testing';
import { command } from './testing/run-command.js';

const failing = (name: string): DiagnosisLine[] => [
  { type: 'looking', at: [{ hop: 'peer-connect', subject: '192.0.2.7:7780' }] },
  { type: 'hop', hop: 'peer-entry', subject: name, state: 'ok', detail: 'mdns (signed 3 s ago)', ms: 0 },
  {
    type: 'hop',
    hop: 'peer-connect',
    subject: '192.0.2.7:7780',
    state: 'failed',
    detail: 'Nothing answers at \u001b[31m192.0.2.7:7780.',
    advice: 'Let it pass.',
    ms: 5000,
  },
  { type: 'hop', hop: 'peer-tls', subject: '192.0.2.7:7780', state: 'skipped', detail: 'not tried', ms: 0 },
  {
    type: 'verdict',
    ok: false,
    sentence: 'Nothing answers at \u001b[31m192.0.2.7:7780.',
    advice: 'Let it pass.',
    failed: { hop: 'peer-connect', subject: '192.0.2.7:7780' },
  },
];

describe('doctor', () => {
  let node: FakeNode;
  beforeEach(async () => {
    node = await FakeNode.start();
  });
  afterEach(() => node.close());

  it('tells each hop and that all is well, and ends with 0', async () => {
    const { status, stdout, stderr } = await command(['doctor'], { home: node.home });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toBe(
      'ok       storage                sqlite: takes what is written (3 ms)\n\nAll is well on this side.\n',
    );
  });

  it('names the hop that fails in a sentence with what to do, and ends with 1', async () => {
    node.diagnosis = (peer) => failing(peer ?? '');
    const { status, stdout } = await command(['doctor', 'Bob'], { home: node.home });
    expect(status).toBe(1);
    expect(stdout.split('\n')).toEqual([
      'ok       peer-entry             Bob: mdns (signed 3 s ago) (0 ms)',
      'failed   peer-connect           192.0.2.7:7780: Nothing answers at 192.0.2.7:7780. (5000 ms)',
      'skipped  peer-tls               192.0.2.7:7780: not tried',
      '',
      'Nothing answers at 192.0.2.7:7780.',
      'Let it pass.',
      '',
    ]);
  });

  it('gives programs each line as it is', async () => {
    node.diagnosis = (peer) => failing(peer ?? '');
    const { status, stdout } = await command(['doctor', 'Bob', '--json'], { home: node.home });
    expect(status).toBe(1);
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as DiagnosisLine),
    ).toEqual(failing('Bob'));
    expect(stdout).not.toContain('\u001b');
  });

  it('shows in a terminal what it looks at, and takes that back', async () => {
    node.diagnosis = (peer) => failing(peer ?? '');
    const { stdout } = await command(['doctor', 'Bob'], { home: node.home, tty: true });
    expect(stdout).toContain('looking at peer-connect 192.0.2.7:7780 …');
    expect(stdout.split('\r\u001b[2K')[1]).toMatch(/^\S*ok/);
  });

  it('does not take half an answer for a verdict', async () => {
    node.diagnosis = (peer) => failing(peer ?? '').slice(0, 2);
    expect(await command(['doctor', 'Bob'], { home: node.home })).toMatchObject({ status: 1 });
  });

  it('names the node where none runs and none can be started', async () => {
    const home = await mkdtemp(join(tmpdir(), 'doctor-'));
    try {
      const main = join(home, 'main.mjs');
      await writeFile(
        main,
        `console.error('p2p-chat: Port 7780 is taken.\\n  Choose another.'); process.exitCode = 1;`,
      );
      const { status, stdout, stderr } = await command(['doctor', '--json'], { home, main });
      expect(status).toBe(1);
      expect(stderr).toContain('No node is running');
      const lines = stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as DiagnosisLine);
      expect(lines).toMatchObject([
        { type: 'hop', hop: 'node', subject: home, state: 'failed' },
        {
          type: 'verdict',
          ok: false,
          sentence: 'The node could not start: Port 7780 is taken.',
          advice: expect.stringMatching(/^Choose another\. Its log is /) as string,
          failed: { hop: 'node', subject: home },
        },
      ]);
    } finally {
      await rm(home, { recursive: true, force: true });
    }
  });
});
