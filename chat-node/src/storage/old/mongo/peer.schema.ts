import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import type { PeerAddress, PeerRecord } from '../../../chat/peer.js';

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

  /** Greater with every write. Absent in documents of an earlier version. */
  @Prop({ type: Number })
  n?: number;

  /** Nothing is known of the peer: stands here so that no late write says otherwise. */
  @Prop({ type: Boolean })
  none?: true;
}

export const PeerSchema = SchemaFactory.createForClass(PeerDocument);

/** The document of a record. @param n its number */
export function peerDocumentOf({ peerId, ...rest }: PeerRecord, n: number): PeerDocument {
  return { _id: peerId, ...rest, n };
}

/** The document of a peer of whom nothing is known. @param now in milliseconds since 1970 */
export function emptyPeerDocument(peerId: string, n: number, now: number): PeerDocument {
  return {
    _id: peerId,
    user: '',
    blocked: false,
    verified: false,
    accepted: false,
    knownAs: null,
    addresses: [],
    firstSeenAt: now,
    lastSeenAt: now,
    announcedSeq: 0,
    n,
    none: true,
  };
}

/** The record of a document. */
export function peerRecordOf({ _id, knownAs, n: _n, none: _none, ...rest }: PeerDocument): PeerRecord {
  const wasNoted = rest.accepted || rest.blocked || rest.verified;
  return { peerId: _id, knownAs: knownAs === undefined && wasNoted ? rest.user : (knownAs ?? null), ...rest };
}
