import type { Migration } from '#database';

/** Tokens stand here as digests only: who reads the table, or a backup of it, can use none. */
export const accessMigrations: readonly Migration[] = [
  {
    id: 'access-1',
    sql: `CREATE TABLE access_token (
            hash bytea PRIMARY KEY,
            client text NOT NULL,
            scopes text NOT NULL,
            expires_at timestamptz NOT NULL);
          CREATE INDEX access_token_expires_at ON access_token (expires_at);
          CREATE TABLE client_assertion (
            client text NOT NULL,
            jti bytea NOT NULL,
            expires_at timestamptz NOT NULL,
            PRIMARY KEY (client, jti));
          CREATE INDEX client_assertion_expires_at ON client_assertion (expires_at);`,
  },
  // The digest of the public key that a token was asked for with: with the key the token goes.
  { id: 'access-2', sql: 'ALTER TABLE access_token ADD COLUMN key bytea' },
];
