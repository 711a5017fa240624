/*
 * `make chat`: the console, and for as long as it is open a discovery service
 * on this machine where the settings want one and none answers. Arguments are
 * handed on to `p2p-chat console`; with `web` as the first, it is the page: `make web`.
 */
import { LocalDiscovery, P2P_CHAT } from './local-discovery.ts';
import { runInForeground } from './foreground.ts';

const discovery = LocalDiscovery.fromSettings(process.env);
const problem = await discovery?.keep();
if (problem !== undefined) console.error(problem);
// What the console tells somebody who is alone.
const given = process.argv.slice(2);
const command = given[0] === 'web' ? given : ['console', ...given];
process.env['P2P_CHAT_SECOND_CONSOLE'] ??= 'make chat USER=Bob';
const status = await runInForeground(process.execPath, [P2P_CHAT, ...command]);
discovery?.stop();
process.exit(status);
