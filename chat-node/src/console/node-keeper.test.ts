import { describe, expect, it, vi } from 'vitest';
import { ManualClock } from '@p2p-chat/shared/testing';
import type { AttachedNode } from './attached-node.js';
import { NodeKeeper } from './node-keeper.js';

/** Nodes that end when the test says so. */
function nodes() {
  const started: { end: (status: number | null) => void; release: ReturnType<typeof vi.fn> }[] = [];
  const startNode = vi.fn((): Promise<AttachedNode> => {
    const exited = Promise.withResolvers<number | null>();
    const release = vi.fn().mockResolvedValue(undefined);
    started.push({ end: exited.resolve, release });
    return Promise.resolve({ exited: exited.promise, release } as unknown as AttachedNode);
  });
  return { started, startNode };
}

describe('the keeper of a node', () => {
  it('starts a node again that crashed, later each time', async () => {
    const clock = new ManualClock();
    const { started, startNode } = nodes();
    await NodeKeeper.start(startNode, clock);
    started[0]?.end(null);
    await clock.advance(0);
    expect(startNode).toHaveBeenCalledTimes(1);
    await clock.advance(500);
    expect(startNode).toHaveBeenCalledTimes(2);
    started[1]?.end(1);
    await clock.advance(0);
    await clock.advance(600);
    expect(startNode).toHaveBeenCalledTimes(2);
    await clock.advance(400);
    expect(startNode).toHaveBeenCalledTimes(3);
  });

  it('tries again where the start fails', async () => {
    const clock = new ManualClock();
    const { started, startNode } = nodes();
    await NodeKeeper.start(startNode, clock);
    startNode.mockRejectedValueOnce(new Error('the disk is full'));
    started[0]?.end(1);
    await clock.advance(0);
    await clock.advance(2_000);
    expect(startNode).toHaveBeenCalledTimes(3);
  });

  it('leaves a node alone that was told to end', async () => {
    const clock = new ManualClock();
    const { started, startNode } = nodes();
    await NodeKeeper.start(startNode, clock);
    started[0]?.end(0);
    await clock.advance(60_000);
    expect(startNode).toHaveBeenCalledTimes(1);
  });

  it('releases the node that runs, and starts no other', async () => {
    const clock = new ManualClock();
    const { started, startNode } = nodes();
    const keeper = await NodeKeeper.start(startNode, clock);
    started[0]?.end(1);
    await clock.advance(0);
    await clock.advance(500);
    await keeper.release();
    expect(started[1]?.release).toHaveBeenCalledOnce();
    await clock.advance(60_000);
    expect(startNode).toHaveBeenCalledTimes(2);
  });

  it('throws where the first start fails', async () => {
    const failing = (): Promise<AttachedNode> => Promise.reject(new Error('no'));
    await expect(NodeKeeper.start(failing, new ManualClock())).rejects.toThrow('no');
  });
});
