export { deflatePack, inflatePack, plainPack, resourceAt, resourcesOf } from './pack-bytes.js';
export { storeMigrations } from './schema.js';
