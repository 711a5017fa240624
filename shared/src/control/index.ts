export * from './diagnosis.js';
export * from './events.js';
export * from './files.js';
export * from './imported-message.js';
export * from './page.js';
export * from './requests.js';
export * from './routes.js';
export * from './views.js';
