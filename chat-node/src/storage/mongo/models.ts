import type { Connection } from 'mongoose';
import { ConversationDocument, ConversationSchema } from './conversation.schema.js';
import { DroppedDocument, DroppedSchema } from './dropped.schema.js';
import { MessageDocument, MessageSchema } from './message.schema.js';
import { MetaDocument, MetaSchema } from './meta.schema.js';
import { PeerDocument, PeerSchema } from './peer.schema.js';

/** The collections of one database. */
export type Models = ReturnType<typeof modelsOf>;

/** The models of a connection. Nothing is sent to the server. */
export function modelsOf(connection: Connection) {
  return {
    messages: connection.model(MessageDocument.name, MessageSchema),
    conversations: connection.model(ConversationDocument.name, ConversationSchema),
    peers: connection.model(PeerDocument.name, PeerSchema),
    dropped: connection.model(DroppedDocument.name, DroppedSchema),
    /** Of the shape of messages, and emptied: see Decoys. */
    decoys: connection.model('DecoyDocument', MessageSchema, 'decoys'),
    meta: connection.model(MetaDocument.name, MetaSchema),
  };
}
