/** Every command that asks a node, for whoever is none. */
export { accept } from './accept.js';
export { setBlocked } from './block.js';
export { completion } from './completion.js';
export { openConsole } from './console.js';
export { doctor } from './doctor.js';
export { events } from './events.js';
export { exportConversation } from './export.js';
export { changeFile, files, get, sendFile } from './files.js';
export {
  changeMember,
  createGroup,
  groupMembers,
  groupPolicy,
  listGroups,
  moveSelf,
  mute,
  renameGroup,
} from './groups.js';
export { history } from './history.js';
export { importMessages } from './import.js';
export { logout } from './logout.js';
export { confirm, confirmations, deleteMessage, edit, react, reply, versions } from './message-actions.js';
export { peers } from './peers.js';
export { presence, profile } from './profile.js';
export { markRead } from './read.js';
export { search } from './search.js';
export { send } from './send.js';
export { status } from './status.js';
export { verify } from './verify.js';
export { web } from './web.js';
