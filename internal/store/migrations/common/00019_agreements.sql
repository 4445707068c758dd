-- +goose Up
-- Versions of subscriber agreements. product is empty for the text of all
-- products that have none of their own.
CREATE TABLE agreement_texts (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL REFERENCES accounts(id),
  product TEXT NOT NULL,
  version BIGINT NOT NULL,
  body TEXT NOT NULL,
  size BIGINT NOT NULL,
  digest TEXT NOT NULL,
  author TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  superseded_at BIGINT,
  UNIQUE (account, product, version)
);

-- +goose Down
DROP TABLE agreement_texts;
