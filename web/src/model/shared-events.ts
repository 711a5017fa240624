import type { EventFeed, FeedItem } from '@p2p-chat/shared/client';
import type { Clock } from '@p2p-chat/shared/clock';

const NAME = 'events';
/** Between two attempts of a tab that took over to reach the node, in milliseconds. */
const RETRY_MS = 1_000;

/** What the tab that reads tells the others; nothing asks it how the stream does. */
interface Told {
  item?: FeedItem;
  /** The last event that it read. */
  place?: string | undefined;
}

/**
 * The node's events for all tabs of this browser. A browser opens six connections
 * to one node, and a stream keeps one: so one tab reads, and hands on to the
 * others; when it is closed, another one goes on where it was.
 * @param open the stream, after an event
 * @throws where the node cannot be reached and nothing was read yet
 */
export async function* sharedEvents(
  open: (lastEventId: string | undefined) => EventFeed,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<FeedItem, void, undefined> {
  const queue: FeedItem[] = [];
  const channel = new BroadcastChannel(NAME);
  let wake = (): void => undefined;
  let place: string | undefined;
  /** How the stream does that this tab reads; null where another one reads. */
  let reading: FeedItem | null = null;
  let failed: { error: unknown } | null = null;
  const take = (item: FeedItem): void => {
    queue.push(item);
    wake();
  };
  const tell = (item: FeedItem): void => {
    if (item.type === 'connected' || item.type === 'disconnected') reading = item;
    channel.postMessage({ item, place } satisfies Told);
    take(item);
  };
  channel.onmessage = ({ data }: MessageEvent<Told>) => {
    if (data.item !== undefined) {
      place = data.place;
      take(data.item);
    } else if (reading !== null) {
      // Nothing is new to those who were there: resumed.
      const item: FeedItem = reading.type === 'connected' ? { type: 'connected', resumed: true } : reading;
      channel.postMessage({ item, place } satisfies Told);
    }
  };
  const read = async (): Promise<void> => {
    while (!signal.aborted) {
      try {
        const feed = open(place);
        for await (const item of feed) {
          place = feed.lastEventId;
          tell(item);
        }
      } catch (error) {
        if (place === undefined && reading === null) throw error;
        tell({ type: 'disconnected', error });
        await clock.sleep(RETRY_MS, signal);
      }
    }
  };
  signal.addEventListener('abort', () => wake());
  navigator.locks.request(NAME, { signal }, read).catch((error: unknown) => {
    failed = { error };
    wake();
  });
  channel.postMessage({} satisfies Told);
  try {
    while (!signal.aborted) {
      const item = queue.shift();
      if (item !== undefined) yield item;
      else if (failed !== null) throw (failed as { error: unknown }).error;
      else await new Promise<void>((done) => (wake = done));
    }
  } finally {
    channel.close();
  }
}
