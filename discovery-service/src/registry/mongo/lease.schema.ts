import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { ANNOUNCEMENT_VALIDITY_MS, CLOCK_TOLERANCE_MS } from '@p2p-chat/shared';

/** After this time an announcement that was stored is refused for its EXPIRES, and nobody needs its SEQ. */
const KEEP_SECONDS = (ANNOUNCEMENT_VALIDITY_MS + 2 * CLOCK_TOLERANCE_MS) / 1_000;

/** What is known of one key: see LeaseRecord. */
@Schema({ collection: 'leases', versionKey: false, autoIndex: false, strict: 'throw', strictQuery: 'throw' })
export class LeaseDocument {
  /** The peer id, or HOST and PORT of a plain entry. */
  @Prop({ type: String, required: true })
  _id!: string;

  /** Of a signed entry, or the withdrawn one. */
  @Prop({ type: Number })
  seq?: number;

  /** Tells announcements with one SEQ from each other. */
  @Prop({ type: String })
  announcement?: string;

  /** The entry as JSON; missing where it was withdrawn. */
  @Prop({ type: String })
  json?: string;

  /** The replica that wrote last, and its count of writes then. */
  @Prop({ type: String, required: true })
  by!: string;

  @Prop({ type: Number, required: true })
  version!: number;

  /** By the clock of the database. */
  @Prop({ type: Date, required: true })
  renewedAt!: Date;
}

export const LeaseSchema = SchemaFactory.createForClass(LeaseDocument);
// What others wrote since.
LeaseSchema.index({ by: 1, version: 1 });
LeaseSchema.index({ renewedAt: 1 }, { expireAfterSeconds: KEEP_SECONDS });
