import type { Connection } from 'mongoose';
import { ConversationDocument, ConversationSchema } from './conversation.schema.js';
import { DroppedTotalDocument, DroppedTotalSchema } from './dropped-total.schema.js';
import { MessageDocument, MessageSchema } from './message.schema.js';
import { MessageWordsDocument, MessageWordsSchema } from './message-words.schema.js';
import { MetaDocument, MetaSchema } from './meta.schema.js';
import { PeerDocument, PeerSchema } from './peer.schema.js';

/** The collections of one database. */
export type Models = ReturnType<typeof modelsOf>;

/** The models of a connection. Nothing is sent to the server. */
export function modelsOf(connection: Connection) {
  return {
    messages: connection.model(MessageDocument.name, MessageSchema),
    conversations: connection.model(ConversationDocument.name, ConversationSchema),
    words: connection.model(MessageWordsDocument.name, MessageWordsSchema),
    peers: connection.model(PeerDocument.name, PeerSchema),
    /** Of the shape of messages; see DroppedMessages. */
    dropped: connection.model('DroppedDocument', MessageSchema, 'dropped'),
    droppedTotals: connection.model(DroppedTotalDocument.name, DroppedTotalSchema),
    meta: connection.model(MetaDocument.name, MetaSchema),
  };
}
