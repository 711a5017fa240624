import { settleColours } from '@p2p-chat/shared/colour-settings';

settleColours(process.env);
await import('./run.js');
