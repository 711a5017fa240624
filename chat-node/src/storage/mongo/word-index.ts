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
  /** The last position that is in the index; null where that is not known. */
  #indexed: number | null = null;
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
      this.#indexed ??= await this.#lastIndexed();
      for (let last; (last = await this.#fillNext(this.#indexed)) !== null;) this.#indexed = last;
    });
    this.#filling = filled.catch(() => {
      this.#indexed = null;
    });
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

  /** @returns up to which position, null where nothing was left */
  async #fillNext(after: number): Promise<number | null> {
    const next = { position: { $gt: after } };
    const [batches, imported] = await Promise.all([
      this.models.batches.find(next).sort({ position: 1 }).limit(CHUNK_BATCHES).lean(),
      this.models.imported.find(next).sort({ position: 1 }).limit(CHUNK_BATCHES).lean(),
    ]);
    const chunk = [...batches, ...imported]
      .sort((one, other) => one.position - other.position)
      .slice(0, CHUNK_BATCHES);
    const last = chunk.at(-1)?.position;
    if (last === undefined) return null;
    const documents = chunk.flatMap(wordsOf);
    const writes = documents.map(({ _id, ...fields }) => ({
      updateOne: { filter: { _id }, update: { $set: fields }, upsert: true },
    }));
    // In order, so that what a crash leaves has no holes.
    if (writes.length > 0) await this.models.words.bulkWrite(writes, { ordered: true });
    if (batches.some(({ dropped, bytes }) => dropped && bytes !== undefined)) {
      const freed = { position: { $gt: after, $lte: last }, dropped: true };
      await this.models.batches.updateMany(freed, { $unset: { bytes: 1 } });
    }
    return last;
  }

  /** The position before that of the last words: of its batch some may be missing. */
  async #lastIndexed(): Promise<number> {
    const last = await this.models.words.findOne({}, { _id: 1 }).sort({ _id: -1 }).lean();
    return last === null ? 0 : Math.floor(last._id / MAX_BATCH_ENTRIES) - 1;
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
