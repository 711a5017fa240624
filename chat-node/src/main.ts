import { fileURLToPath } from 'node:url';
import { settleColours } from './colour-settings.js';
import { runProcess } from './commands/run-process.js';

settleColours(process.env);
await runProcess(fileURLToPath(import.meta.url));
