import { useEffect, useState } from 'preact/hooks';
import type { GroupMemberView, GroupView } from '@p2p-chat/shared/control';
import { conversationOf, knownPeers, withEvent } from '@p2p-chat/shared/client';
import { shortPeerId } from '@p2p-chat/shared/peer-id';
import { safeLine } from '@p2p-chat/shared/text';
import { personLabel } from '../model/names.ts';
import { go, open } from '../model/route.ts';
import { api, live, state } from '../model/session.ts';
import { words } from '../words/index.ts';
import { Avatar } from './avatar.tsx';
import { ConversationSettings, HistoryChoice } from './conversation-settings.tsx';
import { Dialog, Question } from './dialog.tsx';
import { attempt } from './toast.tsx';

/** Takes what the node said of a group into the view. */
function take(group: GroupView): GroupView {
  live().store.update((now) => withEvent(now, { type: 'group', group }));
  return group;
}

/** Does something to a group, and shows it at once. */
export function changeGroup(
  action: () => Promise<GroupView>,
  then: (group: GroupView) => void = () => undefined,
): void {
  attempt(async () => then(take(await action())));
}

/** A group as it is now; null until the node has said. */
function useGroup(id: string): GroupView | null {
  const [group, setGroup] = useState<GroupView | null>(null);
  useEffect(() => {
    attempt(async () => setGroup(await api().group(id)));
    return live().onEvent((event) => {
      if (event.type === 'group' && event.group.id === id) setGroup(event.group);
    });
  }, [id]);
  return group;
}

function textOf(form: FormData, field: string): string {
  const value = form.get(field);
  return typeof value === 'string' ? value : '';
}

function memberLabel({ user, peerId, ambiguous }: GroupMemberView): string {
  return ambiguous ? `${safeLine(user)} (${shortPeerId(peerId)})` : safeLine(user);
}

/** The third pane of a group: who is in it, and what an admin can do. */
export function GroupDetails({ id }: { id: string }) {
  const w = words.value;
  const group = useGroup(id);
  const [leaving, setLeaving] = useState(false);
  if (group === null) return null;
  const isAdmin = group.role === 'admin' && group.state === 'member';
  const members = group.members.filter((one) => one.state === 'member' || one.state === 'invited');
  const inIt = new Set(members.map(({ peerId }) => peerId));
  const others = knownPeers(state.value).filter(({ peerId, blocked }) => !inIt.has(peerId) && !blocked);
  return (
    <div class="details-body">
      <div class="person">
        <Avatar name={group.name} id={id} group />
        <p class="person-name">{safeLine(group.name)}</p>
        <p class="faint">{group.open ? w.openRoom : w.group}</p>
      </div>
      {isAdmin && (
        <form
          class="setting-row"
          onSubmit={(event) => {
            event.preventDefault();
            const name = textOf(new FormData(event.currentTarget), 'name');
            changeGroup(() => api().changeGroup(id, { name }));
          }}
        >
          <input
            class="field"
            name="name"
            aria-label={w.groupName}
            defaultValue={safeLine(group.name)}
            autocomplete="off"
          />
          <button type="submit" class="button">
            {w.save}
          </button>
        </form>
      )}
      {isAdmin && (
        <HistoryChoice
          group={group}
          onChange={(history) => changeGroup(() => api().changeGroup(id, { history }))}
        />
      )}
      <section aria-label={w.members}>
        <h3>{w.members}</h3>
        <ul class="members">
          {members.map((member) => (
            <li key={member.peerId}>
              <span>
                {member.self ? w.you : memberLabel(member)}
                <span class="faint">
                  {member.role === 'admin' && ` · ${w.admin}`}
                  {member.state === 'invited' && ` · ${w.invited}`}
                  {member.verified && ` · ${w.verified}`}
                  {member.keyAlarm && ` · ${w.otherKey}`}
                  {member.forked && ` · ${w.forked}`}
                  {!member.self && ` · ${member.online ? w.online : w.offline}`}
                </span>
              </span>
              {isAdmin && !member.self && (
                <span class="member-actions">
                  {member.state === 'member' && (
                    <button
                      type="button"
                      class="link-button"
                      onClick={() =>
                        changeGroup(() => api().setAdmin(id, member.peerId, member.role !== 'admin'))
                      }
                    >
                      {member.role === 'admin' ? w.demote : w.promote}
                      <span class="visually-hidden"> {memberLabel(member)}</span>
                    </button>
                  )}
                  <button
                    type="button"
                    class="link-button"
                    onClick={() => changeGroup(() => api().setMember(id, member.peerId, false))}
                  >
                    {w.remove}
                    <span class="visually-hidden"> {memberLabel(member)}</span>
                  </button>
                </span>
              )}
            </li>
          ))}
        </ul>
      </section>
      {isAdmin && others.length > 0 && (
        <form
          class="setting-row"
          onSubmit={(event) => {
            event.preventDefault();
            const person = textOf(new FormData(event.currentTarget), 'person');
            changeGroup(() => api().setMember(id, person, true));
          }}
        >
          <select class="field" name="person" aria-label={w.addPerson}>
            {others.map((peer) => (
              <option value={peer.peerId}>{personLabel(peer)}</option>
            ))}
          </select>
          <button type="submit" class="button">
            {w.addPerson}
          </button>
        </form>
      )}
      <ConversationSettings id={id} />
      {group.state === 'member' && (
        <button type="button" class="button danger wide" onClick={() => setLeaving(true)}>
          {w.leave}
        </button>
      )}
      {leaving && (
        <Question
          title={w.leaveQuestion(safeLine(group.name))}
          text={w.leaveHelp}
          yes={w.leave}
          onYes={() => changeGroup(() => api().leaveGroup(id))}
          onClose={() => setLeaving(false)}
        />
      )}
    </div>
  );
}

/** Whether one comes to a group that one was asked into, or that is open. */
export function Invitation({ id }: { id: string }) {
  const w = words.value;
  const group = conversationOf(state.value, id)?.group;
  if (group === undefined || group.state === 'member') return null;
  const { invitedBy } = group;
  const isInvited = group.state === 'invited';
  const toList = (): void => go({ at: 'list' });
  const how =
    isInvited && invitedBy !== null
      ? w.invitedBy(safeLine(invitedBy.user))
      : group.open
        ? w.openRoom
        : w.notIn;
  return (
    <section class="request" aria-label={how}>
      <p>
        <strong>{how}</strong>
      </p>
      {isInvited && <p>{w.invitationWarning(group.members)}</p>}
      {(isInvited || group.open) && (
        <div class="buttons">
          <button
            type="button"
            class="button primary"
            onClick={() => changeGroup(() => api().enterGroup(id))}
          >
            {isInvited ? w.accept : w.join}
          </button>
          {isInvited && (
            <button
              type="button"
              class="button"
              onClick={() => changeGroup(() => api().declineGroup(id), toList)}
            >
              {w.decline}
            </button>
          )}
          {isInvited && invitedBy !== null && (
            <button
              type="button"
              class="button danger"
              onClick={() =>
                changeGroup(async () => {
                  const declined = await api().declineGroup(id);
                  await api().block(invitedBy.peerId);
                  return declined;
                }, toList)
              }
            >
              {w.blockThem(safeLine(invitedBy.user))}
            </button>
          )}
        </div>
      )}
    </section>
  );
}

/** Open rooms of this network that one has not entered, and the way to a group of one's own. */
export function Rooms() {
  const w = words.value;
  const [rooms, setRooms] = useState<readonly GroupView[]>([]);
  const [making, setMaking] = useState(false);
  useEffect(() => {
    const load = (): void => attempt(async () => setRooms(await api().groups(true)));
    load();
    return live().onEvent((event) => {
      if (event.type === 'group') load();
    });
  }, []);
  const enterable = rooms.filter(({ state: mine }) => mine !== 'member');
  return (
    <>
      <button type="button" class="button wide new-group" onClick={() => setMaking(true)}>
        {w.newGroup}
      </button>
      {enterable.length > 0 && (
        <section aria-label={w.rooms}>
          <h2 class="list-title">{w.rooms}</h2>
          <ul class="list">
            {enterable.map(({ id, name, members }) => (
              <li key={id}>
                <button
                  type="button"
                  class="row"
                  onClick={() =>
                    changeGroup(
                      () => api().enterGroup(id),
                      (group) => open(group.id),
                    )
                  }
                >
                  <Avatar name={name} id={id} group />
                  <span class="row-main">
                    <span class="row-name">{safeLine(name)}</span>
                    <span class="row-text">{w.joinRoom(members.length)}</span>
                  </span>
                </button>
              </li>
            ))}
          </ul>
        </section>
      )}
      {making && <NewGroup onClose={() => setMaking(false)} />}
    </>
  );
}

function NewGroup({ onClose }: { onClose: () => void }) {
  const w = words.value;
  const people = knownPeers(state.value).filter(({ blocked, trust }) => !blocked && trust === 'contact');
  const create = (event: SubmitEvent & { currentTarget: HTMLFormElement }): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const request = {
      name: textOf(form, 'name'),
      people: form.getAll('person').filter((one) => typeof one === 'string'),
      open: form.get('open') !== null,
    };
    changeGroup(
      () => api().createGroup(request),
      (group) => {
        onClose();
        open(group.id);
      },
    );
  };
  return (
    <Dialog title={w.newGroup} onClose={onClose}>
      <form class="new-group-form" onSubmit={create}>
        <input
          class="field"
          name="name"
          aria-label={w.groupName}
          placeholder={w.groupName}
          required
          autocomplete="off"
        />
        <fieldset>
          <legend>{w.members}</legend>
          {people.map((peer) => (
            <label class="check">
              <input type="checkbox" name="person" value={peer.peerId} /> {personLabel(peer)}
            </label>
          ))}
          {people.length === 0 && <p class="faint">{w.nobody}</p>}
        </fieldset>
        <label class="check">
          <input type="checkbox" name="open" /> {w.openRoomHelp}
        </label>
        <button type="submit" class="button primary">
          {w.create}
        </button>
      </form>
    </Dialog>
  );
}
