import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';

/** How long the writes of a replica that is gone can be read by others: longer than any lease. */
const KEEP_SECONDS = 86_400;

/** One run of a service. */
@Schema({
  collection: 'replicas',
  versionKey: false,
  autoIndex: false,
  strict: 'throw',
  strictQuery: 'throw',
})
export class ReplicaDocument {
  /** Random for each run. */
  @Prop({ type: String, required: true })
  _id!: string;

  /** Every write up to this one is complete. */
  @Prop({ type: Number, required: true })
  version!: number;

  /** By the clock of the database. */
  @Prop({ type: Date, required: true })
  writtenAt!: Date;
}

export const ReplicaSchema = SchemaFactory.createForClass(ReplicaDocument);
ReplicaSchema.index({ writtenAt: 1 }, { expireAfterSeconds: KEEP_SECONDS });
