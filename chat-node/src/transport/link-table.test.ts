import {
  encodeWireFrame,
  FrameDecoder,
  HANDSHAKE_TIMEOUT_MS,
  type HelloFrame,
  LINK_PROBE_MS,
  MAX_LINKS,
  SIMULTANEOUS_DIAL_MS,
} from '@p2p-chat/shared';
import { ManualClock, memoryDuplexPair } from '@p2p-chat/shared/testing';
import { describe, expect, it } from 'vitest';
import { RecordingHandler } from '../testing/recording-handler.js';
import { recordingLogger } from '../testing/recording-logger.js';
import { LinkTable } from './link-table.js';

const HELLO: HelloFrame = {
  type: 'hello',
  protocol: 1,
  user: 'Eve',
  agent: 'x/1',
  instance: 'e',
  port: 0,
};

function start() {
  const clock = new ManualClock();
  const handler = new RecordingHandler();
  const [learnt, gone]: [string[], string[]] = [[], []];
  const table = new LinkTable(
    {
      self: 'm',
      user: 'Mallory',
      agent: 'x/1',
      instance: 'm',
      clock,
      logger: recordingLogger().logger,
      onGone: (peerId) => void gone.push(peerId),
      onProtocolError: () => undefined,
    },
    handler,
    () => 1,
  );
  /** A peer that connects and says hello where told to. */
  const knock = (peerId: string, hello: HelloFrame | null = HELLO, outbound = false) => {
    const { a, b } = memoryDuplexPair();
    const decoder = new FrameDecoder();
    const received: Record<string, unknown>[] = [];
    b.on('data', (chunk: Buffer) => {
      for (const { payload } of decoder.push(chunk))
        received.push(JSON.parse(payload.toString()) as Record<string, unknown>);
    });
    const established = table.establish(a, peerId, 'host', outbound, () => learnt.push(peerId));
    established.catch(() => undefined);
    if (hello !== null) b.write(encodeWireFrame(hello));
    return { established, received, stream: b };
  };
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn += 1) await clock.advance(0);
  };
  return { clock, handler, table, knock, settle, learnt, gone };
}

describe('LinkTable', () => {
  it(`keeps ${MAX_LINKS} links and says "busy" to one more`, async () => {
    const { handler, knock, settle } = start();
    for (let count = 0; count < MAX_LINKS; count += 1) knock(`peer ${count}`);
    await settle();
    expect(handler.open).toHaveLength(MAX_LINKS);
    const extra = knock('one more');
    await settle();
    expect(extra.received.at(-1)).toEqual({ type: 'bye', reason: 'busy' });
    expect(handler.opened).toHaveLength(MAX_LINKS);

    handler.opened[0]?.close('logout');
    await settle();
    knock('next');
    await settle();
    expect(handler.opened.at(-1)?.peer.peerId).toBe('next');
  });

  it('lets a contact in where strangers have taken every place, and no stranger where contacts have', async () => {
    const { handler, knock, settle } = start();
    const strangers = Array.from({ length: MAX_LINKS }, (_, count) => knock(`stranger ${count}`));
    await settle();
    for (let count = 0; count < MAX_LINKS; count += 1) handler.preferred.add(`contact ${count}`);
    knock('contact 0');
    await settle();
    expect(strangers[0]?.received.at(-1)).toEqual({ type: 'bye', reason: 'busy' });
    expect(handler.opened.at(-1)?.peer.peerId).toBe('contact 0');
    expect(handler.open).toHaveLength(MAX_LINKS);

    for (let count = 1; count < MAX_LINKS; count += 1) knock(`contact ${count}`);
    await settle();
    expect(handler.open.every(({ peer }) => peer.peerId.startsWith('contact'))).toBe(true);
    handler.preferred.add('one contact more');
    for (const late of [knock('one contact more'), knock('a stranger')]) {
      await settle();
      expect(late.received.at(-1)).toEqual({ type: 'bye', reason: 'busy' });
    }
  });

  it('gives a far end that says no hello 5 s, and no more', async () => {
    const { clock, handler, knock } = start();
    const silent = knock('silent', null);
    await clock.advance(HANDSHAKE_TIMEOUT_MS - 1);
    expect(silent.stream.destroyed).toBe(false);
    await clock.advance(1);
    await expect(silent.established).rejects.toMatchObject({ code: 'handshake-timeout' });
    expect(handler.opened).toEqual([]);
    expect(clock.timers).toBe(0);
  });

  it('answers a stranger with the reason alone where only contacts have links', async () => {
    const { handler, knock, settle } = start();
    handler.refused.add('eve');
    const { established, received, stream } = knock('eve');
    await expect(established).rejects.toMatchObject({ code: 'stranger-refused' });
    await settle();
    expect(received).toMatchObject([{ type: 'error', code: 'contacts-only' }]);
    expect(stream.readableEnded || stream.destroyed).toBe(true);
    expect(handler.opened).toEqual([]);
    expect(await knock('bob').established).toBeDefined();
  });

  it('takes the sender from the channel, whatever a payload says', async () => {
    const { handler, knock, settle } = start();
    const { stream } = knock('eve', { ...HELLO, user: 'Alice', peerId: 'alice' } as HelloFrame);
    await settle();
    expect(handler.opened[0]?.peer).toMatchObject({ peerId: 'eve', user: 'Alice' });
    stream.destroy();
  });

  it('says whose link opens, and of whom there is none any more', async () => {
    const { handler, knock, settle, learnt, gone } = start();
    handler.refused.add('refused');
    knock('refused');
    knock('silent', null);
    const first = knock('eve');
    await settle();
    const second = knock('eve', { ...HELLO, instance: 'a new start' });
    await settle();
    expect([learnt, gone]).toEqual([['eve', 'eve'], []]);
    second.stream.destroy();
    first.stream.destroy();
    await settle();
    expect(gone).toEqual(['eve']);
  });

  describe('when the peer dials while its link is new, and that would stay', () => {
    // Self is lower than the peer, so the link that was dialled from here stays.
    const PEER = 'z';

    it('closes the second one once the first has shown that it lives', async () => {
      const { handler, knock, settle } = start();
      const first = knock(PEER, HELLO, true);
      await settle();
      const second = knock(PEER);
      await settle();
      expect(first.received.at(-1)).toEqual({ type: 'ping' });
      expect(second.received.at(-1)).not.toMatchObject({ type: 'bye' });
      first.stream.write(encodeWireFrame({ type: 'pong' }));
      await settle();
      expect(second.received.at(-1)).toEqual({ type: 'bye', reason: 'duplicate' });
      expect(handler.opened).toHaveLength(1);
      expect(handler.closed).toEqual([]);
    });

    it('goes on with the second one where the first is dead, within seconds and with what came on it', async () => {
      const { clock, handler, knock, settle } = start();
      const first = knock(PEER, HELLO, true);
      await settle();
      const second = knock(PEER);
      const message = encodeWireFrame({ type: 'typing' });
      second.stream.write(message);
      await settle();
      expect(handler.frames).toEqual([]);
      await clock.advance(LINK_PROBE_MS - 1);
      await settle();
      expect(first.stream.destroyed).toBe(false);
      await clock.advance(1);
      await settle();
      expect(first.stream.destroyed).toBe(true);
      expect(handler.opened).toHaveLength(2);
      expect(handler.open).toHaveLength(1);
      expect(handler.frames).toMatchObject([{ type: 'typing' }]);
      second.stream.destroy();
    });

    it.each([
      [SIMULTANEOUS_DIAL_MS, 'probes the first one, which may stay', true],
      [SIMULTANEOUS_DIAL_MS + 1, 'takes the second one: who dials so late has lost the first', false],
    ])('after %i ms %s', async (ms, _, isSimultaneous) => {
      const { clock, handler, knock, settle } = start();
      const first = knock(PEER, HELLO, true);
      await settle();
      await clock.advance(ms);
      knock(PEER);
      await settle();
      expect(first.received.at(-1)).toEqual(
        isSimultaneous ? { type: 'ping' } : { type: 'bye', reason: 'duplicate' },
      );
      expect(handler.opened).toHaveLength(isSimultaneous ? 1 : 2);
    });

    it('goes on with the second one where the first has said bye and is not gone yet', async () => {
      const { handler, knock, settle } = start();
      const first = knock(PEER, HELLO, true);
      await settle();
      // The far end leaves its half of the stream open: it does not see that this one is closed.
      first.stream.pause();
      first.stream.write(encodeWireFrame({ type: 'bye', reason: 'logout' }));
      await settle();
      expect([first.stream.destroyed, handler.closed]).toEqual([false, []]);
      const second = knock(PEER);
      await settle();
      expect(handler.open).toEqual([await second.established]);
      expect(handler.closed).toHaveLength(1);
      first.stream.destroy();
      await settle();
      expect(handler.closed).toHaveLength(1);
      second.stream.destroy();
    });

    it('goes on with neither where both end meanwhile', async () => {
      const { clock, handler, knock, settle } = start();
      const first = knock(PEER, HELLO, true);
      await settle();
      const second = knock(PEER);
      await settle();
      second.stream.destroy();
      first.stream.destroy();
      await settle();
      expect([handler.opened.length, handler.open.length]).toEqual([1, 0]);
      expect(clock.timers).toBe(0);
    });
  });
});
