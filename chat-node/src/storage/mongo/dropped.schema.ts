import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';

/** How many messages of a blocked peer were dropped. */
@Schema({ collection: 'dropped', versionKey: false, autoIndex: false, strict: 'throw', strictQuery: 'throw' })
export class DroppedDocument {
  /** The peer id. */
  @Prop({ type: String, required: true })
  _id!: string;

  @Prop({ type: Number, required: true })
  count!: number;
}

export const DroppedSchema = SchemaFactory.createForClass(DroppedDocument);
