import { useEffect, useId, useState } from 'preact/hooks';
import type { BrowserView, ProfileChange, ProfileSetting, ProfileView } from '@p2p-chat/shared/control';
import { withProfile } from '@p2p-chat/shared/client';
import { PRESENCE_STATES } from '@p2p-chat/shared/protocol/frames';
import { parseStatusText, parseUserName, safeLine } from '@p2p-chat/shared/text';
import { go } from '../model/route.ts';
import { api, browserId, live, state } from '../model/session.ts';
import { changeSettings, type PageSettings, settings } from '../model/settings.ts';
import { LANGUAGES, words } from '../words/index.ts';
import { Question } from './dialog.tsx';
import { Choice, Switch } from './fields.tsx';
import { Icon } from './icons.tsx';
import { attempt, show } from './toast.tsx';

function change(what: ProfileChange): void {
  attempt(async () => {
    const profile = await api().changeProfile(what);
    live().store.update((now) => withProfile(now, profile));
  });
}

/** What others see of this user, and how the page is. */
export function Profile() {
  const w = words.value;
  const { profile, me } = state.value;
  return (
    <section class="profile" aria-label={w.profile}>
      <header class="conversation-head">
        <button type="button" class="icon-button back" aria-label={w.back} onClick={() => go({ at: 'list' })}>
          <Icon name="back" />
        </button>
        <h1>{w.profile}</h1>
      </header>
      <div class="profile-body">
        {profile !== null && <Own key={profile.user + profile.status} profile={profile} />}
        <Appearance />
        <Browsers />
        <section class="card" aria-label={w.node}>
          <h2>{w.node}</h2>
          {profile !== null && me !== null && (
            <dl class="facts">
              <dt>{w.peerId}</dt>
              <dd class="code">{profile.peerId}</dd>
              <dt>{w.addresses}</dt>
              <dd class="code">
                {profile.addresses.length === 0 ? w.noNetwork : safeLine(profile.addresses.join(', '))}
              </dd>
              <dt>{w.version}</dt>
              <dd>{safeLine(me.version)}</dd>
            </dl>
          )}
          <Logout />
        </section>
      </div>
    </section>
  );
}

function Own({ profile }: { profile: ProfileView }) {
  const w = words.value;
  const shown = profile.shown === profile.presence ? '' : ` (${w.shownAs(w[profile.shown])})`;
  return (
    <section class="card" aria-label={w.name}>
      <TextSetting
        label={w.name}
        help={w.nameHelp}
        value={profile.user}
        parse={parseUserName}
        onSave={(user) => change({ user })}
      />
      <TextSetting
        label={w.status}
        help={w.statusHelp}
        value={profile.status}
        parse={parseStatusText}
        onSave={(status) => change({ status })}
      />
      <Choice
        label={`${w.presence}${shown}`}
        value={profile.presence}
        options={PRESENCE_STATES.map((one) => [one, w[one]])}
        onChange={(presence) => change({ presence })}
      />
      <Switch
        label={w.receipts}
        on={profile.receipts}
        fixed={fixedBy(profile, 'receipts')}
        onChange={(receipts) => change({ receipts })}
      />
      <Switch
        label={w.tellTyping}
        on={profile.typing}
        fixed={fixedBy(profile, 'typing')}
        onChange={(typing) => change({ typing })}
      />
    </section>
  );
}

function fixedBy(profile: ProfileView, setting: ProfileSetting): string | undefined {
  return profile.fixed.find((one) => one.setting === setting)?.variable;
}

function Appearance() {
  const w = words.value;
  const now = settings.value;
  const [denied, setDenied] = useState(false);
  const notify = (how: PageSettings['notify']): void => {
    changeSettings({ notify: how });
    setDenied(false);
    if (how === 'off' || !('Notification' in window)) return;
    void Notification.requestPermission().then((answer) => setDenied(answer !== 'granted'));
  };
  return (
    <section class="card" aria-label={w.appearance}>
      <h2>{w.appearance}</h2>
      <Choice
        label={w.appearance}
        value={now.theme}
        options={[
          ['system', w.bySystem],
          ['light', w.light],
          ['dark', w.dark],
        ]}
        onChange={(theme) => changeSettings({ theme })}
      />
      <Switch
        label={w.highContrast}
        on={now.highContrast}
        onChange={(highContrast) => changeSettings({ highContrast })}
      />
      <Choice
        label={w.languageSetting}
        value={now.language}
        options={[
          ['', w.bySystem],
          ...Object.entries(LANGUAGES).map(([tag, one]): [string, string] => [tag, one.language]),
        ]}
        onChange={(language) => changeSettings({ language })}
      />
      <Choice
        label={w.notifications}
        value={now.notify}
        options={[
          ['off', w.notifyOff],
          ['sender', w.notifySender],
          ['text', w.notifyText],
        ]}
        onChange={notify}
      />
      {denied && (
        <p class="problem" role="alert">
          {w.notifyDenied}
        </p>
      )}
      <Switch label={w.formats} on={now.formats} onChange={(formats) => changeSettings({ formats })} />
      <Switch
        label={w.singleKeys}
        on={now.singleKeys}
        onChange={(singleKeys) => changeSettings({ singleKeys })}
      />
    </section>
  );
}

function Browsers() {
  const w = words.value;
  const [browsers, setBrowsers] = useState<readonly BrowserView[]>([]);
  const load = (): void => attempt(async () => setBrowsers(await api().browsers()));
  useEffect(load, []);
  return (
    <section class="card" aria-label={w.browsers}>
      <h2>{w.browsers}</h2>
      <ul class="browsers">
        {browsers.map(({ id, name, seenAt }) => (
          <li>
            <span>
              {safeLine(name)} {id === browserId() && <span class="accent">({w.thisBrowser})</span>}
              <span class="faint"> · {seenAt.slice(0, 10)}</span>
            </span>
            <button
              type="button"
              class="button"
              onClick={() =>
                attempt(async () => {
                  await api().revokeBrowser(id);
                  load();
                })
              }
            >
              {w.revoke}
              <span class="visually-hidden"> {safeLine(name)}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Logout() {
  const w = words.value;
  const [asking, setAsking] = useState(false);
  return (
    <>
      <button type="button" class="button danger" onClick={() => setAsking(true)}>
        {w.logout}
      </button>
      {asking && (
        <Question
          title={w.logoutQuestion}
          text={w.logoutHelp}
          yes={w.logout}
          onYes={() => attempt(() => api().logout())}
          onClose={() => setAsking(false)}
        />
      )}
    </>
  );
}

interface TextSettingProps {
  label: string;
  help: string;
  value: string;
  parse: (text: string) => string;
  onSave: (text: string) => void;
}

function TextSetting({ label, help, value, parse, onSave }: TextSettingProps) {
  const id = useId();
  const [text, setText] = useState(value);
  const save = (event: Event): void => {
    event.preventDefault();
    try {
      onSave(parse(text));
    } catch (error) {
      show((error as Error).message);
    }
  };
  return (
    <form class="setting" onSubmit={save}>
      <label for={id}>{label}</label>
      <div class="setting-row">
        <input
          id={id}
          class="field"
          autocomplete="off"
          dir="auto"
          aria-describedby={`${id}-help`}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <button type="submit" class="button" disabled={text === value}>
          {words.value.save}
          <span class="visually-hidden"> {label}</span>
        </button>
      </div>
      <p id={`${id}-help`} class="faint">
        {help}
      </p>
    </form>
  );
}
