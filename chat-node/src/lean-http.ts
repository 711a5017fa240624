/**
 * Takes WebSocket and its events out of `node:http`, where nobody looks for
 * them: each of them loads an HTTP client of Node's own when it is read, and an
 * `import` of `node:http` reads every export. That would be 10 MB. The global
 * WebSocket stays. To be called before anything imports `node:http`.
 */
export function leaveOutWebSocket(): void {
  const http = process.getBuiltinModule('node:http');
  for (const name of ['WebSocket', 'CloseEvent', 'MessageEvent']) Reflect.deleteProperty(http, name);
}
