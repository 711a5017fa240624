#!/usr/bin/env node
// The build may not exist yet when npm links this file, so the entry point is
// a file of its own.
await import('../dist/main.js');
