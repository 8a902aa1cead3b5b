export { type Database, openDatabase, type Query, type Session } from './database.js';
export { GroupCommit } from './group-commit.js';
export { type Migration, migrate, requireDurableCommits } from './migrations.js';
