import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';

/** The words of one message, for search; made some time after it was saved. */
@Schema({
  collection: 'messageWords',
  versionKey: false,
  autoIndex: false,
  strict: 'throw',
  strictQuery: 'throw',
})
export class MessageWordsDocument {
  /** `n` of the message. */
  @Prop({ type: Number, required: true })
  _id!: number;

  @Prop({ type: String, required: true })
  conversation!: string;

  /** As `searchWords` gives them. */
  @Prop({ type: [String], required: true })
  words!: string[];
}

export const MessageWordsSchema = SchemaFactory.createForClass(MessageWordsDocument);
MessageWordsSchema.index({ words: 1 });
