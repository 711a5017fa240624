import { fileURLToPath } from 'node:url';
import { settleColours } from '@p2p-chat/shared/colour-settings';

settleColours(process.env);
const { runProcess } = await import('./commands/run-process.js');
await runProcess(fileURLToPath(import.meta.url));
