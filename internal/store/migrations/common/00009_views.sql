-- +goose Up
CREATE TABLE views (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL,
  user_id TEXT NOT NULL,
  list TEXT NOT NULL,
  name TEXT NOT NULL,
  shared BOOLEAN NOT NULL,
  filter TEXT NOT NULL,
  sort TEXT NOT NULL,
  columns TEXT NOT NULL,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  UNIQUE (user_id, list, name)
);
CREATE INDEX views_account ON views (account, list);

-- +goose Down
DROP TABLE views;
