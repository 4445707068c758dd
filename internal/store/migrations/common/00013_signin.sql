-- +goose Up
CREATE TABLE totp (
  user_id TEXT PRIMARY KEY REFERENCES users(id) ON DELETE CASCADE,
  account TEXT NOT NULL REFERENCES accounts(id),
  secret_sealed BYTEA NOT NULL,
  confirmed_at BIGINT,
  last_step BIGINT NOT NULL,
  created_at BIGINT NOT NULL
);

CREATE TABLE recovery_codes (
  user_id TEXT NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  code_hash BYTEA NOT NULL,
  used_at BIGINT,
  PRIMARY KEY (user_id, code_hash)
);

-- Sign-ins between two requests.
CREATE TABLE signin_states (
  secret_hash BYTEA PRIMARY KEY,
  kind TEXT NOT NULL,
  account TEXT NOT NULL,
  user_id TEXT NOT NULL,
  data BYTEA NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX signin_states_user ON signin_states (user_id);
CREATE INDEX signin_states_expiry ON signin_states (expires_at);

-- +goose Down
DROP TABLE signin_states;
DROP TABLE recovery_codes;
DROP TABLE totp;
