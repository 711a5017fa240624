import type { Duplex } from 'node:stream';
import {
  encodeJsonFrame,
  encodeMessage,
  encodeRun,
  encodeWireFrame,
  FEATURES,
  FrameDecoder,
  MAX_BODY_BYTES,
  newMessageId,
  packMessages,
  splitIds,
  WINDOW_BYTES,
  WINDOW_MESSAGES,
  type WireFrame,
} from '@p2p-chat/shared';
import { ManualClock, memoryDuplexPair } from '@p2p-chat/shared/testing';
import { describe, expect, it } from 'vitest';
import { RecordingHandler } from '../testing/recording-handler.js';
import { aRun } from '../testing/runs.js';
import { FrameStream } from './frame-stream.js';
import { Link } from './link.js';

const PEER = { peerId: 'bob', user: 'Bob', instance: 'b', agent: 'x/1', features: [], address: null };

function start(features: string[] = []) {
  const clock = new ManualClock();
  const { a: near, b: far } = memoryDuplexPair();
  const handler = new RecordingHandler();
  const ends: { error: Error | null; reason: string | null }[] = [];
  const stream = new FrameStream(near, clock);
  const link = new Link(
    { peer: { ...PEER, features }, outbound: false, openedAt: 0 },
    stream,
    handler,
    (_link, error, reason) => ends.push({ error, reason }),
  );
  stream.start(link);
  const received: WireFrame[] = [];
  const decoder = new FrameDecoder();
  far.on('data', (chunk: Buffer) => {
    for (const { payload } of decoder.push(chunk)) received.push(JSON.parse(payload.toString()) as WireFrame);
  });
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn += 1) await clock.advance(0);
  };
  return { clock, near, far, handler, ends, link, received, settle };
}

function send(far: Duplex, count: number, bytes: number): void {
  const messages = Array.from({ length: count }, () =>
    encodeMessage({
      id: newMessageId(0),
      clock: '0000000000010000',
      sentAt: 0,
      kind: 'text',
      body: 'x'.repeat(bytes),
    }),
  );
  for (const frame of packMessages(messages)) far.write(frame);
}

/** A handler whose saving waits for the test. */
function gate(handler: RecordingHandler): { open: () => void; fail: () => void } {
  let open!: () => void;
  let fail!: () => void;
  handler.gate = new Promise<void>((resolve, reject) => {
    open = resolve;
    fail = () => reject(new Error('the disk is full'));
  });
  handler.gate.catch(() => undefined);
  return { open, fail };
}

describe('Link', () => {
  it.each([
    ['messages', WINDOW_MESSAGES - 1, 1, 1, 1],
    ['bytes', WINDOW_BYTES / MAX_BODY_BYTES - 1, MAX_BODY_BYTES, 1, MAX_BODY_BYTES],
  ])(
    'reads on with a window of %s less one unsaved, and no more with a whole one until it is saved',
    async (_what, count, bytes, more, moreBytes) => {
      const { near, far, handler, settle } = start();
      const { open } = gate(handler);
      send(far, count, bytes);
      await settle();
      expect(handler.messages).toHaveLength(count);
      expect(near.isPaused()).toBe(false);
      send(far, more, moreBytes);
      await settle();
      expect(handler.messages).toHaveLength(count + more);
      expect(near.isPaused()).toBe(true);

      send(far, 5, 1);
      await settle();
      expect(handler.messages).toHaveLength(count + more);
      open();
      await settle();
      expect(near.isPaused()).toBe(false);
      expect(handler.messages).toHaveLength(count + more + 5);
    },
  );

  it('counts runs in the window as it counts messages', async () => {
    const { near, far, handler, settle } = start();
    const { open } = gate(handler);
    const texts = Array.from({ length: WINDOW_MESSAGES / 4 }, () => 'x');
    for (const bodies of [texts, texts, texts, texts.slice(1)]) far.write(encodeRun(aRun(bodies)));
    await settle();
    expect(near.isPaused()).toBe(false);
    far.write(encodeRun(aRun('x')));
    await settle();
    expect(near.isPaused()).toBe(true);
    open();
    await settle();
    expect(near.isPaused()).toBe(false);
    const quarter = WINDOW_MESSAGES / 4;
    expect(handler.runs.map(({ count }) => count)).toEqual([quarter, quarter, quarter, quarter - 1, 1]);
  });

  it('sends runs, and ids of acks as one text, to a peer that takes them', async () => {
    const { link, received, settle } = start([FEATURES.run]);
    const runs = [aRun(['one', 'two']), aRun('three', 3)];
    link.sendRuns(runs);
    link.sendAck(runs.map(({ ids }) => ids).join(''));
    link.sendAck(runs[1]?.ids ?? '', 'receipt');
    await settle();
    expect(received).toMatchObject([
      { type: 'run', ids: runs[0]?.ids, bodies: ['one', 'two'] },
      { type: 'run', ids: runs[1]?.ids, bodies: ['three'] },
      { type: 'ack', ids: runs.map(({ ids }) => ids).join('') },
      { type: 'ack', ids: runs[1]?.ids, of: 'receipt' },
    ]);
  });

  it('sends messages, and ids of acks as a list, to one that does not', async () => {
    const { link, received, settle } = start();
    const runs = [aRun(['one', 'two']), aRun('three', 3)];
    const ids = runs.flatMap((run) => splitIds(run.ids));
    link.sendRuns(runs);
    link.sendAck(ids.join(''));
    await settle();
    const bodies = ['one', 'two', 'three'];
    const messages = ids.map((id, at) => ({ id, body: bodies[at], kind: 'text', sentAt: 1 }));
    expect(received).toMatchObject([
      { type: 'message', messages },
      { type: 'ack', ids },
    ]);
  });

  it('gives the window back for what could not be saved', async () => {
    const { near, far, handler, settle } = start();
    const { fail } = gate(handler);
    send(far, WINDOW_MESSAGES, 1);
    await settle();
    expect(near.isPaused()).toBe(true);
    fail();
    await settle();
    expect(near.isPaused()).toBe(false);
  });

  it('hands on acks, receipts and rejects', async () => {
    const { far, handler, settle } = start();
    const id = newMessageId(0);
    far.write(encodeWireFrame({ type: 'ack', ids: [id] }));
    far.write(encodeWireFrame({ type: 'receipt', ids: [id], state: 'read' }));
    far.write(encodeWireFrame({ type: 'reject', id, code: 'no', retryAfterMs: 5 }));
    await settle();
    expect(handler.frames.map(({ type }) => type)).toEqual(['ack', 'receipt', 'reject']);
  });

  it('ends with the words of a bye or an error', async () => {
    for (const [frame, reason] of [
      [{ type: 'bye', reason: 'logout' }, 'logout'],
      [{ type: 'error', code: 'frame-malformed', detail: 'what' }, 'frame-malformed: what'],
    ] as const) {
      const { far, ends, settle } = start();
      far.write(encodeWireFrame(frame));
      await settle();
      expect(ends).toEqual([{ error: null, reason }]);
    }
  });

  it('refuses a second hello', async () => {
    const { far, ends, settle } = start();
    const hello = { protocol: 1, user: 'Bob', agent: '', instance: '', features: [], port: 0 };
    far.write(encodeJsonFrame(JSON.stringify({ type: 'hello', ...hello })));
    await settle();
    expect(ends).toMatchObject([{ error: { code: 'hello-repeated' } }]);
  });
});
