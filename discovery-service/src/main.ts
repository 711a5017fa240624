import { settleColours } from '@p2p-chat/shared/colour-settings';
import { ignoreUserSignals } from '@p2p-chat/shared/user-signals';

// Before all else is loaded, which takes a moment.
ignoreUserSignals();
settleColours(process.env);
await import('./run.js');
