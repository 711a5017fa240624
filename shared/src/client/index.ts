export * from './control-api.js';
export * from './errors.js';
export * from './event-feed.js';
export * from './live-view.js';
export * from './refresher.js';
export * from './store.js';
export * from './timeline.js';
export * from './view-state.js';
