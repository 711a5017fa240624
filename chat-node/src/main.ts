import { fileURLToPath } from 'node:url';
import { runProcess } from './commands/run-process.js';

await runProcess(fileURLToPath(import.meta.url));
