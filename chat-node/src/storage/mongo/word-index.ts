import { entriesOf } from '@p2p-chat/shared/protocol/batch';
import { isAction, readContent, searchableText } from '@p2p-chat/shared/protocol/content';
import { MAX_BATCH_ENTRIES } from '@p2p-chat/shared/protocol/limits';
import { searchWords } from '@p2p-chat/shared/search-words';
import { ChatError } from '../../core/errors.js';
import type { MessagePlace, SearchQuery } from '../../core/ports/conversation.store.js';
import { type BatchReader, importedOf, storedOf } from './batch-reader.js';
import type { BatchDocument, ImportedDocument, WordsDocument } from './documents.js';
import type { Models } from './models.js';

/** Batches that are put into the index at once, so that what is saved meanwhile hardly waits. */
const CHUNK_BATCHES = 16;
/** Greater than every character of a word, in whatever order a server has them. */
const AFTER_ALL_CHARACTERS = '\u{10ffff}';

/** The words of messages, each message with its words in a document of its own. */
export class WordIndex {
  // One fills the index at a time.
  #filling: Promise<void> = Promise.resolve();

  constructor(
    private readonly models: Models,
    private readonly reader: BatchReader,
  ) {}

  async search({ words, conversation, before, limit }: SearchQuery): Promise<MessagePlace[]> {
    await this.fill();
    const end = before === undefined ? Number.MAX_SAFE_INTEGER : await this.#numberOf(before);
    const places: MessagePlace[] = [];
    const cursor = this.models.words
      .find(
        {
          _id: { $lt: end },
          ...(conversation === undefined ? {} : { conversation: { $eq: conversation } }),
          $and: words.map((word) => ({
            words: { $elemMatch: { $gte: word, $lt: word + AFTER_ALL_CHARACTERS } },
          })),
        },
        { _id: 1 },
      )
      .sort({ _id: -1 })
      .lean()
      .cursor({ batchSize: limit });
    for await (const { _id } of cursor) {
      const place = await this.#placeOf(_id);
      if (place !== null) places.push(place);
      if (places.length === limit) break;
    }
    return places;
  }

  /** Puts all that is saved into the index, and gives back the space of dropped batches among it. */
  fill(): Promise<void> {
    const filled = this.#filling.then(async () => {
      while (await this.#fillNext());
    });
    this.#filling = filled.catch(() => undefined);
    return filled;
  }

  /**
   * Changes what is stored of messages and takes out of the index what is gone
   * of it, while nobody else fills it.
   * @param change gives the rows of the index that have no words any more
   */
  remove(change: () => Promise<number[]>): Promise<void> {
    const removed = this.#filling.then(async () => {
      const rows = await change();
      if (rows.length > 0)
        await this.models.words.updateMany({ _id: { $in: rows } }, { $set: { words: [] } });
    });
    this.#filling = removed.catch(() => undefined);
    return removed;
  }

  /** @returns whether anything was left */
  async #fillNext(): Promise<boolean> {
    const { models } = this;
    const left = { unindexed: true };
    const [batches, imported] = await Promise.all([
      models.batches.find(left).sort({ position: 1 }).limit(CHUNK_BATCHES).lean(),
      models.imported.find(left).sort({ position: 1 }).limit(CHUNK_BATCHES).lean(),
    ]);
    const writes = [...batches, ...imported].flatMap(wordsOf).map(({ _id, ...fields }) => ({
      updateOne: { filter: { _id }, update: { $set: fields }, upsert: true },
    }));
    if (writes.length > 0) await models.words.bulkWrite(writes, { ordered: false });
    const done = (all: readonly { _id: string }[]) => ({ _id: { $in: all.map(({ _id }) => _id) } });
    const dropped = batches.filter((one) => one.dropped);
    if (dropped.length > 0) await models.batches.updateMany(done(dropped), { $unset: { bytes: 1 } });
    // Last, so that a crash loses nothing.
    const isIndexed = { $unset: { unindexed: 1 } };
    if (batches.length > 0) await models.batches.updateMany(done(batches), isIndexed);
    if (imported.length > 0) await models.imported.updateMany(done(imported), isIndexed);
    return batches.length + imported.length > 0;
  }

  async #numberOf(id: string): Promise<number> {
    const there = await this.reader.locate(id);
    if (there !== null) return there.position * MAX_BATCH_ENTRIES + there.nth;
    throw new ChatError('message-unknown', `There is no message ${id}.`, {
      hint: 'Use an id that the page before shows.',
    });
  }

  /** @returns null for an imported message whose real entry came */
  async #placeOf(number: number): Promise<MessagePlace | null> {
    const position = Math.floor(number / MAX_BATCH_ENTRIES);
    const batch = await this.models.batches.findOne({ position }, { bytes: 0 }).lean();
    if (batch !== null) {
      const { conversation, author, segment, first } = batch;
      return { conversation, author, segment, seq: first + (number % MAX_BATCH_ENTRIES) };
    }
    const imported = await this.models.imported.findOne({ position }).lean();
    const place = imported === null ? null : await this.reader.find(imported._id);
    return place !== null && 'imported' in place ? place : null;
  }
}

function wordsOf(document: BatchDocument | ImportedDocument): WordsDocument[] {
  const { position, conversation } = document;
  if ('dropped' in document && document.dropped) return [];
  const contents =
    'content' in document
      ? [importedOf(document).content]
      : entriesOf(storedOf(document).batch).map(({ seq, content }) =>
          document.silent?.includes(seq) === true && !isAction(readContent(content)) ? '' : content,
        );
  return contents.map((content, nth) => {
    const words = [...searchWords(searchableText(readContent(content)))];
    return { _id: position * MAX_BATCH_ENTRIES + nth, conversation, words };
  });
}
