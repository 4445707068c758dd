-- +goose Up
-- A domain belongs to an organisation or else to a group; owner is "o:<id>" or
-- "g:<id>", so that one constraint keeps a name from standing twice with either.
CREATE TABLE domains (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL REFERENCES accounts(id),
  number BIGINT NOT NULL,
  owner TEXT NOT NULL,
  organisation TEXT REFERENCES organisations(id),
  group_id TEXT REFERENCES groups(id),
  name TEXT NOT NULL,
  state TEXT NOT NULL,
  control TEXT NOT NULL,
  method TEXT NOT NULL,
  proven_by TEXT NOT NULL,
  token TEXT NOT NULL,
  token_until BIGINT,
  email TEXT NOT NULL,
  email_hash BYTEA,
  verified_at BIGINT,
  valid_until BIGINT,
  caa TEXT NOT NULL,
  auto BOOLEAN NOT NULL,
  next_check BIGINT,
  user_id TEXT NOT NULL,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  UNIQUE (account, number),
  UNIQUE (account, owner, name)
);
CREATE INDEX domains_name ON domains (account, name);
CREATE INDEX domains_next ON domains (next_check) WHERE next_check IS NOT NULL;
CREATE UNIQUE INDEX domains_mail ON domains (email_hash) WHERE email_hash IS NOT NULL;

CREATE TABLE domain_attempts (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL,
  domain TEXT NOT NULL REFERENCES domains(id) ON DELETE CASCADE,
  method TEXT NOT NULL,
  background BOOLEAN NOT NULL,
  passed BOOLEAN NOT NULL,
  failure TEXT NOT NULL,
  records TEXT NOT NULL,
  expected TEXT NOT NULL,
  next_step TEXT NOT NULL,
  perspectives BIGINT NOT NULL,
  agreed BIGINT NOT NULL,
  quorum BIGINT NOT NULL,
  at BIGINT NOT NULL
);
CREATE INDEX domain_attempts_domain ON domain_attempts (domain, id);
CREATE INDEX domain_attempts_mail ON domain_attempts (account, at) WHERE method IN ('email', 'dns-contact');

-- +goose Down
DROP TABLE domain_attempts;
DROP TABLE domains;
