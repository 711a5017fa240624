import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';

/** How many messages of a blocked peer were dropped, without those that still lie in `dropped`. */
@Schema({
  collection: 'droppedTotals',
  versionKey: false,
  autoIndex: false,
  strict: 'throw',
  strictQuery: 'throw',
})
export class DroppedTotalDocument {
  /** The peer id. */
  @Prop({ type: String, required: true })
  _id!: string;

  @Prop({ type: Number, required: true })
  count!: number;
}

export const DroppedTotalSchema = SchemaFactory.createForClass(DroppedTotalDocument);
