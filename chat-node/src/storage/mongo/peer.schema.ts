import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import type { PeerAddress, PeerRecord } from '../../chat/peer.js';

@Schema({ _id: false, strict: 'throw' })
class AddressDocument implements PeerAddress {
  @Prop({ type: String, required: true })
  host!: string;

  @Prop({ type: Number, required: true })
  port!: number;
}

const AddressSchema = SchemaFactory.createForClass(AddressDocument);

/** What is remembered of a peer. */
@Schema({ collection: 'peers', versionKey: false, autoIndex: false, strict: 'throw', strictQuery: 'throw' })
export class PeerDocument {
  /** The peer id. */
  @Prop({ type: String, required: true })
  _id!: string;

  @Prop({ type: String })
  user!: string;

  @Prop({ type: Boolean, required: true })
  blocked!: boolean;

  @Prop({ type: Boolean, required: true })
  verified!: boolean;

  @Prop({ type: Boolean, required: true })
  accepted!: boolean;

  /** Absent in documents of an earlier version. */
  @Prop({ type: String })
  knownAs?: string | null;

  @Prop({ type: [AddressSchema], required: true })
  addresses!: PeerAddress[];

  @Prop({ type: Number, required: true })
  firstSeenAt!: number;

  @Prop({ type: Number, required: true })
  lastSeenAt!: number;

  @Prop({ type: Number, required: true })
  announcedSeq!: number;
}

export const PeerSchema = SchemaFactory.createForClass(PeerDocument);

/** The document of a record. */
export function peerDocumentOf({ peerId, ...rest }: PeerRecord): PeerDocument {
  return { _id: peerId, ...rest };
}

/** The record of a document. */
export function peerRecordOf({ _id, knownAs, ...rest }: PeerDocument): PeerRecord {
  const wasNoted = rest.accepted || rest.blocked || rest.verified;
  return { peerId: _id, knownAs: knownAs === undefined && wasNoted ? rest.user : (knownAs ?? null), ...rest };
}
