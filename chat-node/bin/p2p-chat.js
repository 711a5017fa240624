#!/usr/bin/env -S node --max-semi-space-size=4
// The build may not exist yet when npm links this file, so the entry point is
// a file of its own. It also runs where Node is too old for the rest.
import { readFileSync } from 'node:fs';

const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
const wanted = manifest.engines.node.match(/\d+/g).map(Number);
const have = process.versions.node.split('.').map(Number);
const first = wanted.findIndex((part, at) => have[at] !== part);
if (first !== -1 && have[first] < wanted[first]) {
  console.error(`p2p-chat: This is Node ${process.versions.node}; it takes ${manifest.engines.node}.`);
  console.error('  "make build" puts one into .toolchain/bin: have that first on your PATH.');
  process.exit(1);
}
await import('../dist/main.js');
