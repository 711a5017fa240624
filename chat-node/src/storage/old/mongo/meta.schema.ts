import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';

/** One document with the version of all others. */
@Schema({ collection: 'meta', versionKey: false, autoIndex: false, strict: 'throw', strictQuery: 'throw' })
export class MetaDocument {
  @Prop({ type: String, required: true })
  _id!: string;

  @Prop({ type: Number, required: true })
  schemaVersion!: number;
}

export const MetaSchema = SchemaFactory.createForClass(MetaDocument);

/** The id of the one document. */
export const META_ID = 'p2p-chat';

/** The version that this program reads and writes. */
export const SCHEMA_VERSION = 3;
