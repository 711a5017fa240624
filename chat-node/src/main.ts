import { fileURLToPath } from 'node:url';
import { leaveOutWebSocket } from './lean-http.js';

// Before anything that imports node:http is loaded.
leaveOutWebSocket();
const { runProcess } = await import('./commands/run-process.js');
await runProcess(fileURLToPath(import.meta.url));
