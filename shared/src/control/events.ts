import type { FileView } from './files.js';
import type { GroupView } from './groups.js';
import type { ConversationView, MessageState, MessageView, PeerView, ProfileView } from './views.js';

/** One kind of event. Its data is a type only. */
interface EventKind<Data extends object> {
  readonly description: string;
  readonly data?: Data;
}

const event = <Data extends object>(description: string): EventKind<Data> => ({ description });

/** Every event of the control API, by the `event` field of the SSE message. */
export const CONTROL_EVENTS = {
  message: event<{ messages: MessageView[] }>(
    'Messages were saved, incoming or outgoing, or a group has changed.',
  ),
  state: event<{ conversation: string; state: MessageState; ids: string[] }>('Messages have a new state.'),
  changed: event<{ messages: MessageView[] }>(
    'Messages look different now: edited, deleted, confirmed, or somebody reacts.',
  ),
  removed: event<{ conversation: string; ids: string[] }>('Messages were deleted for the user of this node.'),
  reminder: event<{ message: MessageView }>(
    'The author of a message reminds the user of this node to confirm it.',
  ),
  mention: event<{ message: MessageView }>(
    'An edit of a message that was just written mentions the user of this node.',
  ),
  receipt: event<{ conversation: string; member: string; state: MessageState; ids: string[] }>(
    'A member of a group has, or has read, messages of this node. When all have, `state` says so.',
  ),
  group: event<{ group: GroupView }>('The roster of a group has changed, or the group is new here.'),
  history: event<{ conversation: string }>(
    'Earlier messages were imported, or are hidden now, anywhere in the conversation.',
  ),
  conversation: event<{ conversation: ConversationView }>(
    'What the list shows of a conversation has changed otherwise.',
  ),
  peer: event<{ peer: PeerView }>('A peer came, went or changed.'),
  'key-alarm': event<{ peer: PeerView }>(
    'Another key shows the name of somebody known; `peer.keyAlarm` says whose.',
  ),
  typing: event<{ conversation: string; peerId: string; typing: boolean }>(
    'A person writes in a conversation, or stopped. Nothing of it is kept.',
  ),
  file: event<{ file: FileView }>('A file was offered, comes on, or has another state.'),
  profile: event<{ profile: ProfileView }>('What the user of this node shows or has set was changed.'),
  listening: event<NoData>('The stream has begun: nothing is missed from here on.'),
  resync: event<NoData>('Events were missed that cannot be sent again: ask for everything anew.'),
  stopping: event<NoData>('The node ends.'),
};

type NoData = Record<never, never>;

/** The data of each event, by its name. */
export type ControlEvents = {
  [Name in keyof typeof CONTROL_EVENTS]: NonNullable<(typeof CONTROL_EVENTS)[Name]['data']>;
};

export type ControlEventName = keyof ControlEvents;

/** An event: its name as `type`, and its data. */
export type ControlEvent<Name extends ControlEventName = ControlEventName> = {
  [Type in Name]: { type: Type } & ControlEvents[Type];
}[Name];

export const CONTROL_EVENT_NAMES = Object.keys(CONTROL_EVENTS) as ControlEventName[];

/** Whether an event of this name is one that this version knows. */
export function isControlEventName(name: string): name is ControlEventName {
  return Object.hasOwn(CONTROL_EVENTS, name);
}
