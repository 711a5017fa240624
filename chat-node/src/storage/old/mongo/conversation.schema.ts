import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import type { ConversationKind } from '../../../chat/conversation.js';

/** That a conversation exists. Its counters and its last message follow from the messages. */
@Schema({
  collection: 'conversations',
  versionKey: false,
  autoIndex: false,
  strict: 'throw',
  strictQuery: 'throw',
})
export class ConversationDocument {
  /** The conversation's id. */
  @Prop({ type: String, required: true })
  _id!: string;

  @Prop({ type: String, required: true })
  kind!: ConversationKind;
}

export const ConversationSchema = SchemaFactory.createForClass(ConversationDocument);
