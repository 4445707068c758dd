-- +goose Up
CREATE TABLE passkeys (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL REFERENCES accounts(id),
  user_id TEXT NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  credential_id BYTEA NOT NULL UNIQUE,
  public_key BYTEA NOT NULL,
  name TEXT NOT NULL,
  host TEXT NOT NULL,
  transports TEXT NOT NULL,
  sign_count BIGINT NOT NULL,
  backup_eligible BOOLEAN NOT NULL,
  backed_up BOOLEAN NOT NULL,
  cloned_at BIGINT,
  last_used BIGINT,
  created_at BIGINT NOT NULL
);
CREATE INDEX passkeys_user ON passkeys (user_id);

-- When a person last showed in the session that it is he.
ALTER TABLE sessions ADD COLUMN proven_at BIGINT NOT NULL DEFAULT 0;

-- Which roles need a second factor; no row: none.
CREATE TABLE signin_policies (
  account TEXT PRIMARY KEY REFERENCES accounts(id),
  roles TEXT NOT NULL,
  version BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);

-- Mails to those who have forgotten their password. user_id is null and no
-- mail is sent where nobody may have one; the row counts all the same.
CREATE TABLE password_resets (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL,
  user_id TEXT REFERENCES users(id) ON DELETE CASCADE,
  login_hash BYTEA NOT NULL,
  address TEXT NOT NULL,
  secret_hash BYTEA UNIQUE,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX password_resets_login ON password_resets (login_hash, created_at);
CREATE INDEX password_resets_address ON password_resets (address, created_at);
CREATE INDEX password_resets_user ON password_resets (user_id);

-- How far the first administrator is with setting up.
CREATE TABLE setups (
  account TEXT PRIMARY KEY REFERENCES accounts(id),
  steps TEXT NOT NULL,
  data TEXT NOT NULL,
  closed_at BIGINT,
  version BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);

-- +goose Down
DROP TABLE setups;
DROP TABLE password_resets;
DROP TABLE signin_policies;
ALTER TABLE sessions DROP COLUMN proven_at;
DROP TABLE passkeys;
