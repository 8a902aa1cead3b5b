export { type Caller, missingNeed, nameOfCaller } from './caller.js';
export type { Client } from './client.js';
export { ClientFolder, type ClientSource } from './client-folder.js';
export { accessMigrations } from './schema.js';
export { type Need, type Permission, parseScopes, type Scope } from './scope.js';
export { type GrantedToken, TokenService } from './token-service.js';
