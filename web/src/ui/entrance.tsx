import type { Entrance } from '../model/session.ts';
import { said, words } from '../words/index.ts';

/** What is shown to a browser that is not in: how it gets in, or what it waits for. */
export function EntranceView({ entrance }: { entrance: Entrance }) {
  const w = words.value;
  return (
    <main class="entrance">
      <img src="/icon.svg" alt="" width="72" height="72" />
      {entrance.at === 'door' ? (
        <>
          <h1>{w.letInTitle}</h1>
          {entrance.problem !== null && (
            <p class="problem" role="alert">
              {entrance.problem.startsWith('This browser may not') ? w.refused : said(entrance.problem)}
            </p>
          )}
          <p>{w.letInText}</p>
          <p>
            <code class="command">{w.letInCommand}</code>
          </p>
          <p class="faint">{w.letInOr}</p>
        </>
      ) : (
        <>
          <h1>{entrance.at === 'pairing' ? w.lettingIn : w.connecting}</h1>
          {entrance.at === 'connecting' && entrance.problem !== null && (
            <p class="problem" role="alert">
              {said(entrance.problem)} {w.reconnecting} {w.nodeAwayHelp}
            </p>
          )}
        </>
      )}
    </main>
  );
}
