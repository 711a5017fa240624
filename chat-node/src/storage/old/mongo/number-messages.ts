import type { Models } from './models.js';

/** Messages that get their numbers at once. */
const BATCH = 5_000;

/** From schema version 1 to 2: the messages that are there get numbers, in the order of their conversations and clocks. May be repeated. */
export async function numberMessages(models: Models): Promise<void> {
  const newest = await models.messages.findOne({}, { n: 1 }).sort({ n: -1 }).lean();
  let last = newest?.n ?? 0;
  for (;;) {
    const batch = await models.messages
      .find({ n: { $exists: false } }, { _id: 1 })
      .sort({ _id: 1 })
      .limit(BATCH)
      .lean();
    if (batch.length === 0) return;
    await models.messages.bulkWrite(
      batch.map(({ _id }) => ({
        updateOne: { filter: { _id: { $eq: _id } }, update: { $set: { n: (last += 1) } } },
      })),
    );
  }
}
