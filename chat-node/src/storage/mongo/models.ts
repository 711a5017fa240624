import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { Model } from 'mongoose';
import {
  BatchDocument,
  BatchSchema,
  ConversationDocument,
  ConversationSchema,
  ImportedDocument,
  ImportedSchema,
  MetaDocument,
  MetaSchema,
  OperationDocument,
  OperationSchema,
  PeerDocument,
  PeerSchema,
  SegmentDocument,
  SegmentSchema,
  WatermarkDocument,
  WatermarkSchema,
  WordsDocument,
  WordsSchema,
} from './documents.js';

/** The collections, as `MongooseModule.forFeature` takes them. */
export const FEATURES = [
  { name: BatchDocument.name, schema: BatchSchema },
  { name: SegmentDocument.name, schema: SegmentSchema },
  { name: ConversationDocument.name, schema: ConversationSchema },
  { name: WatermarkDocument.name, schema: WatermarkSchema },
  { name: ImportedDocument.name, schema: ImportedSchema },
  { name: OperationDocument.name, schema: OperationSchema },
  { name: PeerDocument.name, schema: PeerSchema },
  { name: WordsDocument.name, schema: WordsSchema },
  { name: MetaDocument.name, schema: MetaSchema },
];

/** A Mongoose model for each collection. */
@Injectable()
export class Models {
  constructor(
    @InjectModel(BatchDocument.name) readonly batches: Model<BatchDocument>,
    @InjectModel(SegmentDocument.name) readonly segments: Model<SegmentDocument>,
    @InjectModel(ConversationDocument.name) readonly conversations: Model<ConversationDocument>,
    @InjectModel(WatermarkDocument.name) readonly watermarks: Model<WatermarkDocument>,
    @InjectModel(ImportedDocument.name) readonly imported: Model<ImportedDocument>,
    @InjectModel(OperationDocument.name) readonly operations: Model<OperationDocument>,
    @InjectModel(PeerDocument.name) readonly peers: Model<PeerDocument>,
    @InjectModel(WordsDocument.name) readonly words: Model<WordsDocument>,
    @InjectModel(MetaDocument.name) readonly meta: Model<MetaDocument>,
  ) {}

  /** @throws what the database refuses */
  async createIndexes(): Promise<void> {
    await this.batches.createIndexes();
    await this.segments.createIndexes();
    await this.imported.createIndexes();
    await this.words.createIndexes();
    await this.operations.createIndexes();
  }
}
