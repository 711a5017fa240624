/*
 * Preloaded into a service (`node --import`): asks it to end when its stdin
 * does, so that it never outlives who started it, however that one ended.
 */
process.stdin.resume();
process.stdin.on('end', () => process.kill(process.pid, 'SIGTERM'));
process.stdin.on('error', () => process.kill(process.pid, 'SIGTERM'));
