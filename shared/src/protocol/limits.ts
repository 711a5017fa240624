/*
 * Every bound of the protocol, with its reason. Sizes in bytes, times in
 * milliseconds, unless the name says otherwise.
 */

const KiB = 1024;
const MiB = 1024 * KiB;

/** The protocol's version, sent first in `hello`. */
export const PROTOCOL_VERSION = 1;
/** ALPN name (RFC 7301): another protocol on the port never reaches our parser. */
export const ALPN_PROTOCOL = 'p2p-chat/1';

/** UTF-8 of one message: a long log excerpt fits, a flood does not. */
export const MAX_BODY_BYTES = 64 * KiB;
/** Entries in one batch: one signature for a burst, and small enough to be taken at once. */
export const MAX_BATCH_ENTRIES = 1_024;
/** Content of a batch of several entries: it leaves and is saved at once. */
export const MAX_BATCH_CONTENT_BYTES = 64 * KiB;
/** JSON text of one content: a body of MAX_BODY_BYTES with every other character escaped; it fits a frame. */
export const MAX_CONTENT_BYTES = 128 * KiB;
/** Emoji of one person at one message, and characters (UTF-16 units) of one: the longest of families with skin tones fits. */
export const MAX_REACTIONS_PER_PERSON = 8;
export const MAX_REACTION_CHARACTERS = 40;
/** Different emoji that are shown at a message. */
export const MAX_SHOWN_REACTIONS = 64;
/** People that one message mentions: everybody of the largest group. */
export const MAX_MENTIONS = 256;
/** How long after a message an edit of it tells those whom it mentions anew. */
export const EDIT_MENTION_MS = 5 * 60_000;
/** Edits that one `delete` names beside their message; more go into further ones. */
export const MAX_DELETED_VERSIONS = 64;
/** All of a batch: as the frame that carries it. */
export const MAX_BATCH_BYTES = 256 * KiB;
/** From the first to the last clock of a batch: a page of history looks at so much beyond its end. */
export const MAX_BATCH_SPAN_MS = 60_000;
/** Tips that a batch names: more than a restored or copied profile ever leaves. */
export const MAX_FOLLOWED_TIPS = 64;
/** Tips of a feed that are told and kept. */
export const MAX_FEED_TIPS = 1_024;
/** Digests in one frame: a conversation with each person of a large LAN. */
export const MAX_DIGESTS_PER_FRAME = 1_024;
/** Feeds that one `state` speaks of: one for each member of a group. */
export const MAX_FEEDS_PER_FRAME = 256;
/** Members of a group: each sends to each. Who comes beyond waits. */
export const MAX_GROUP_MEMBERS = 256;
/** Operations of a roster, after which no node writes another one: years of a large group; resolved in milliseconds. */
export const MAX_ROSTER_OPERATIONS = 4_096;
/** Operations of a roster that a node takes from others: what halves of a group wrote apart fits, a flood does not. */
export const MAX_TAKEN_OPERATIONS = 4 * MAX_ROSTER_OPERATIONS;
/** Times that a person enters a room before an admin has to add them. */
export const MAX_OWN_ENTRIES = 16;
/** Operations that one names: as many parts of a group that wrote apart. */
export const MAX_ROSTER_PARENTS = 64;
/** Detail of an operation: MAX_FOLLOWED_TIPS tips fit. */
export const MAX_ROSTER_DETAIL_BYTES = 16 * KiB;
/** Detail of the proof of a fork: two batches of MAX_BATCH_ENTRIES fit, without their contents, and the frame in base64. */
export const MAX_FORK_DETAIL_BYTES = 144 * KiB;
/** Operations in one frame, and their bytes: a frame holds them in base64. */
export const MAX_OPERATIONS_PER_FRAME = 512;
export const MAX_OPERATION_BYTES_PER_FRAME = 128 * KiB;
/** Hashes by which a node says what it holds of a roster. */
export const MAX_ROSTER_HASHES = 128;
/** Days of history for newcomers: ten years. */
export const MAX_HISTORY_DAYS = 3_650;
/** Groups and rooms that wait for a decision or were only heard of: what nobody here asked for is bounded. */
export const MAX_OFFERED_GROUPS = 200;
/** Longest time for which a conversation can be held: then its sender tries again by itself. */
export const MAX_HOLD_MS = 10 * 60_000;
/** Frames of a link that wait for the storage; with WINDOW_BYTES the bound of what a peer makes a node keep. */
export const MAX_UNHANDLED_FRAMES = 64;
/** Segments in one frame; more go into further frames. */
export const MAX_SEGMENTS_PER_FRAME = 1_024;
/** Segments of a feed that are taken from a peer that asks: ten starts a day for 18 years. */
export const MAX_WANTED_SEGMENTS = 65_536;
/** Batches that were sent over one link and not acknowledged: some on their way, some in a commit. */
export const MAX_BATCHES_IN_FLIGHT = 64;
/** Greatest number of an entry in its segment. */
export const MAX_SEQ = 2 ** 48;
/** Clocks of the year 2200 and later are refused (2200-01-01T00:00:00Z). */
export const CLOCK_LIMIT = '0699e991a8000000';
/** A roster operation of the year 2100 or later does not count (2100-01-01T00:00:00Z). */
export const CLOCK_OPERATION_LIMIT = '03bb2cc3d8000000';
/** A clock of a year before that, or later, is not taken over into one's own (2099-01-01T00:00:00Z): or one's own operations would not count. */
export const CLOCK_MERGE_LIMIT = '03b3d512ac000000';
/** Characters of a client's own key of a message: a UUID, a hash, or words. */
export const MAX_MESSAGE_KEY_CHARACTERS = 128;
/** One JSON frame: what a node says of a feed with many segments; bounds what a link buffers. */
export const MAX_JSON_FRAME_BYTES = 256 * KiB;
/** Code points of a display name after NFC: fits a line of a menu. */
export const MAX_USER_NAME_CHARACTERS = 64;
/** `agent` of a hello: a name and a version. */
export const MAX_AGENT_CHARACTERS = 64;
/** `instance` of a hello or an announcement: a UUID fits. */
export const MAX_INSTANCE_CHARACTERS = 64;
/** Code points of the text beside a presence: a remark, not a message. */
export const MAX_STATUS_CHARACTERS = 80;
/** How often a presence of one peer is taken: what comes faster is taken together, the last one last. */
export const PRESENCE_INTERVAL_MS = 1_000;
/** How often a peer is told that somebody writes to it. */
export const TYPING_INTERVAL_MS = 3_000;
/** How long a notice of typing counts: two may be late before it goes out. */
export const TYPING_EXPIRES_MS = 7_000;
/** `detail` of an error and `reason` of a bye: one line for a person. */
export const MAX_DETAIL_CHARACTERS = 256;

/** From accepted socket to finished hello: a slow machine manages, a silent one is gone soon. */
export const HANDSHAKE_TIMEOUT_MS = 5_000;
/** Silence after which a link is asked whether it lives. */
export const PING_INTERVAL_MS = 15_000;
/** Silence after which a link is dead: three pings. */
export const LINK_DEAD_MS = 45_000;
/** Silence in the middle of a frame: a live sender finishes what it began. */
export const MID_FRAME_STALL_MS = 10_000;

/** Connections that have not said who they are, in all. */
export const MAX_UNAUTHENTICATED = 64;
/** The same from one address: one host cannot take all the places. */
export const MAX_UNAUTHENTICATED_PER_ADDRESS = 8;
/** Links in all: every person of a large LAN. */
export const MAX_LINKS = 1024;

/** Bytes of batches that were sent over one link and not acknowledged, or came and were not saved: bounds memory on both sides. */
export const WINDOW_BYTES = 4 * MiB;

/** Bytes written to a link that the peer has not read: past this nothing more is read from it until it does. */
export const MAX_UNREAD_BYTES = 8 * MiB;
/** Messages of a stranger after which no further batch is taken until a decision: enough to say who one is and what one wants. */
export const MAX_REQUEST_MESSAGES = 5;
/** Strangers whose messages wait: more than a person looks through; with a batch each beyond the messages above it bounds what nobody asked for. */
export const MAX_REQUESTS = 200;
/** Keys under the name of somebody known whose alarms stand at the same time: who makes more is not listed on top. */
export const MAX_KEY_ALARMS = 100;
/** After what time a stranger may try again with what is held: accepting them tells them at once. */
export const REQUEST_RETRY_MS = 60_000;

/** Age of a link after which another one from the peer is not a simultaneous dial but its successor. */
export const SIMULTANEOUS_DIAL_MS = 10_000;
/** How long the older of two links has to show that it lives, before the newer one takes its place. */
export const LINK_PROBE_MS = 2_000;
/** From the start of one attempt to that of the next address (RFC 8305, "Connection Attempt Delay"). */
export const DIAL_STAGGER_MS = 250;
/** Attempts at one peer at the same time: fewer than MAX_UNAUTHENTICATED_PER_ADDRESS, so that its gateway takes them all. */
export const MAX_PARALLEL_DIALS = 6;
/** DER of a peer's certificate: ours has under 300 bytes. */
export const MAX_CERTIFICATE_BYTES = 2 * KiB;

/** Default port of the discovery service. */
export const DISCOVERY_PORT = 7777;
/** Default port of the peer gateway. */
export const PEER_PORT = 7780;
/** Where the page of the first profile is; a second one takes the next free port, and keeps it. */
export const PAGE_PORT = 7790;
/** Body of a discovery request: a signed announcement is under 1 KiB. */
export const MAX_DISCOVERY_BODY_BYTES = 4 * KiB;
/** Entries of the list: more than one LAN has. */
export const MAX_DISCOVERY_ENTRIES = 50_000;
/** Characters of HOST: the longest DNS name (RFC 1035). */
export const MAX_HOST_CHARACTERS = 253;
/** Additional addresses of one announcement. */
export const MAX_ANNOUNCED_ADDRESSES = 8;
/** How long a lease lasts without a renewal, in seconds. */
export const LEASE_SECONDS = 30;
/** How often a node renews: two renewals may be lost. */
export const RENEW_INTERVAL_MS = 10_000;
/** Requests from one address in {@link DISCOVERY_RATE_WINDOW_MS}: 10,000 nodes behind one address fit three times. */
export const DISCOVERY_RATE_REQUESTS = 30_000;
export const DISCOVERY_RATE_WINDOW_MS = 10_000;
/** Addresses counted in one window; bounds memory where one host has a whole IPv6 network. */
export const MAX_RATE_LIMITED_ADDRESSES = 65_536;
/** Longest request that is recognised again by its bytes: a signed announcement fits; bounds what 50,000 leases hold. */
export const MAX_RECOGNISED_REQUEST_BYTES = 1 * KiB;
/** Peers that are gone whose SEQ is remembered against replays. */
export const MAX_REMEMBERED_SEQUENCES = 100_000;
/** How often a replica of the discovery service writes what changed and reads what others wrote: far under a second. */
export const REPLICA_SYNC_MS = 250;
/** Least time between two writes of one lease that is only renewed; shorter where leases are. */
export const REPLICA_RENEWAL_WRITE_MS = 5_000;
/** Time without an exchange after which no lease runs out, because others may have renewed it; shorter where leases are. */
export const REPLICA_FRESH_MS = 3_000;
/** How long leases are kept for a shared store that is away: a restart or a failover, not a node that left for good. */
export const REPLICA_OUTAGE_GRACE_MS = 5 * 60_000;
/** Leases in one write to the shared store. */
export const REPLICA_BATCH = 1_000;
/** Waits between attempts at a shared store that is away: a lease must not run out before it is seen again. */
export const REPLICA_BACKOFF = { initialMs: 250, maxMs: 1_000, factor: 2, jitter: 0.5 } as const;
/** Changes of the list that can be asked for again: minutes of a busy network, a few MB. */
export const MAX_REMEMBERED_CHANGES = 4_096;
/** Open event streams of one discovery service: ten thousand nodes, and some. */
export const MAX_EVENT_STREAMS = 16_384;
/** Changes are pushed at once to a few clients, and up to this much later to many, together. */
export const MAX_EVENT_DELAY_MS = 1_000;
/** Streams at which the delay reaches {@link MAX_EVENT_DELAY_MS}. */
export const EVENT_STREAMS_AT_MAX_DELAY = 10_000;
/** Streams that are written to before something else has its turn: a few milliseconds. */
export const EVENT_STREAMS_PER_TURN = 256;
/** How often a stream without news gets a comment, so that both sides notice when the other is gone. */
export const EVENT_HEARTBEAT_MS = 15_000;
/** How long a client of a stream may read nothing of what waits for it. */
export const EVENT_STALL_MS = 30_000;
/** Silence after which a node takes a stream for dead: three heartbeats. */
export const EVENT_SILENCE_MS = 45_000;
/** One request to the discovery service, from connect to the last byte. */
export const DISCOVERY_REQUEST_TIMEOUT_MS = 3_000;
/** Least time between two requests to one discovery service: nothing makes a node a flood. */
export const MIN_DISCOVERY_GAP_MS = 1_000;
/** Longest wait that a discovery service may ask for. */
export const MAX_DISCOVERY_WAIT_MS = 60_000;
/** Waits after failures of a discovery service: soon again, and when it is back, within one renewal. */
export const DISCOVERY_BACKOFF = { initialMs: 1_000, maxMs: 10_000, factor: 2, jitter: 0.5 } as const;
/** The list as a node takes it: 50,000 entries of signed size. */
export const MAX_DISCOVERY_LIST_BYTES = 48 * MiB;
/** How long the signature of an announcement counts. */
export const ANNOUNCEMENT_VALIDITY_MS = 10 * 60_000;
/** How wrong two clocks may be before an announcement is refused: an hour's jump either way, and some. */
export const CLOCK_TOLERANCE_MS = 2 * 60 * 60_000;

/** Body of a control request: one message with its escapes. */
export const MAX_CONTROL_BODY_BYTES = 512 * KiB;
/** Characters (UTF-16 units) of a search: a long line; bounds how many words there are to match. */
export const MAX_SEARCH_CHARACTERS = 256;
/** Messages in one page of what a search finds: each comes with its neighbours. */
export const MAX_SEARCH_PAGE = 100;
/** Messages in one page of history. */
export const MAX_HISTORY_PAGE = 1_000;

/** ALPN name of connections that carry blocks of files: on the port of the links, never in their way. */
export const BLOCKS_ALPN_PROTOCOL = 'p2p-chat-blocks/1';
/** A block of a file: large enough that what is around it costs nothing, small enough to be sent again. */
export const BLOCK_BYTES = MiB;
/** The largest file that can be offered: its list of hashes has 2 MiB. People set less. */
export const MAX_FILE_BYTES = 64 * 1024 * MiB;
/** Files and folders that one entry offers: a selection in a file manager; more is a folder. */
export const MAX_FILES_PER_ENTRY = 64;
/** UTF-8 of the name of a file: what file systems take. */
export const MAX_FILE_NAME_BYTES = 255;
/** UTF-8 of the words beside files. */
export const MAX_CAPTION_BYTES = 4 * KiB;
/** UTF-8 of a media type (RFC 6838: two names of at most 127 characters). */
export const MAX_MEDIA_TYPE_BYTES = 127;
/** Files and folders in one folder that is sent. */
export const MAX_FOLDER_ENTRIES = 1_000_000;
/** UTF-8 of a path inside a folder that is sent: PATH_MAX of Linux. */
export const MAX_FOLDER_PATH_BYTES = 4 * KiB;
/** Requests for blocks that one connection may have open: they fill the wire, and bound what a server holds. */
export const MAX_BLOCK_REQUESTS = 16;
/** Connections for blocks of one peer: one for each file that it fetches at a time. */
export const MAX_BLOCK_CONNECTIONS_PER_PEER = 4;
/** The same in all: with the requests of each it bounds how much is read ahead of the wire. */
export const MAX_BLOCK_CONNECTIONS = 64;
/** Silence after which a connection for blocks is closed, by either side. */
export const BLOCK_SILENCE_MS = 30_000;
