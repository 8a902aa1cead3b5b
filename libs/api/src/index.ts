export { ApiModule } from './api.module.js';
export type { Answered, ApiServices, SubscriptionRegistry, SubscriptionVersion } from './api-services.js';
export { createHttpAdapter } from './http-adapter.js';
export { SubscriptionSockets } from './subscription-sockets.js';
export { bindingToken } from './websocket-token.js';
