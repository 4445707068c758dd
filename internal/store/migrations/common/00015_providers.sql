-- +goose Up
CREATE TABLE signin_providers (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL REFERENCES accounts(id),
  label TEXT NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  enabled BOOLEAN NOT NULL,
  config TEXT NOT NULL,
  secrets_sealed BYTEA,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  UNIQUE (account, label)
);

CREATE TABLE external_identities (
  provider TEXT NOT NULL REFERENCES signin_providers(id) ON DELETE CASCADE,
  subject TEXT NOT NULL,
  account TEXT NOT NULL REFERENCES accounts(id),
  user_id TEXT NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  login TEXT NOT NULL,
  linked_at BIGINT NOT NULL,
  last_sign_in BIGINT,
  PRIMARY KEY (provider, subject)
);
CREATE INDEX external_identities_user ON external_identities (user_id);

-- Assertions that have signed somebody in, until they could not any more.
CREATE TABLE used_assertions (
  assertion_hash BYTEA PRIMARY KEY,
  expires_at BIGINT NOT NULL
);
CREATE INDEX used_assertions_expiry ON used_assertions (expires_at);

-- Which provider put somebody into a group; empty: it was done by hand.
ALTER TABLE group_members ADD COLUMN provider TEXT NOT NULL DEFAULT '';

-- A provider that sees to second factors itself has let the browser in.
ALTER TABLE sessions ADD COLUMN vouched BOOLEAN NOT NULL DEFAULT FALSE;

-- +goose Down
ALTER TABLE sessions DROP COLUMN vouched;
ALTER TABLE group_members DROP COLUMN provider;
DROP TABLE used_assertions;
DROP TABLE external_identities;
DROP TABLE signin_providers;
