export { ledgerDirectory } from './anchor-role.js';
export {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from './embedded-postgres.js';
export { engineVersion } from './engine-version.js';
export { AnchorModule } from './nest/anchor.module.js';
export { ApiRoleModule } from './nest/api-role.module.js';
export { DeliverModule } from './nest/deliver.module.js';
export { IngestModule } from './nest/ingest.module.js';
export { TransformModule } from './nest/transform.module.js';
export {
  type EngineDatabase,
  joinEngineDatabase,
  type OpenDatabaseOptions,
  openEngineDatabase,
} from './open-database.js';
export { clusterDirectory } from './postgres-cluster.js';
export { migrations } from './schema.js';
export { openServices, type Services } from './services.js';
export { readSettings, type Settings } from './settings.js';
export { type AppModule, startApp } from './start-app.js';
