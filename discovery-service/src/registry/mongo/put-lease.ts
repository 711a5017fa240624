import type { AnyBulkWriteOperation } from 'mongoose';
import type { LeaseRecord } from '../lease-record.js';
import type { LeaseDocument } from './lease.schema.js';

/**
 * Stores a record where it counts more than what is there; where it does not,
 * the filter finds nothing and the insert that follows fails for its key.
 */
export function putLease(
  record: LeaseRecord,
  written: { by: string; version: number },
): AnyBulkWriteOperation<LeaseDocument> {
  const renewedAt = { $currentDate: { renewedAt: true as const } };
  const { key } = record;
  switch (record.kind) {
    case 'plain':
      return {
        updateOne: {
          filter: { _id: { $eq: key } },
          update: { $set: { json: record.json, ...written }, ...renewedAt },
          upsert: true,
        },
      };
    case 'signed': {
      const { seq, announcement, json } = record;
      return {
        updateOne: {
          filter: { _id: { $eq: key }, $or: [{ seq: { $lt: seq } }, { seq, announcement }] },
          update: { $set: { seq, announcement, json, ...written }, ...renewedAt },
          upsert: true,
        },
      };
    }
    case 'withdrawn':
      return {
        updateOne: {
          filter: { _id: { $eq: key }, seq: { $lte: record.seq } },
          update: {
            $set: { seq: record.seq, ...written },
            $unset: { announcement: '', json: '' },
            ...renewedAt,
          },
          upsert: true,
        },
      };
  }
}
