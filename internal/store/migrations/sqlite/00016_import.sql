-- +goose Up
-- Certificates that other CAs issued: the name of their issuer, and whether
-- they are CA certificates. Two accounts may know the same certificate.
ALTER TABLE certificates ADD COLUMN issuer_dn TEXT NOT NULL DEFAULT '';
ALTER TABLE certificates ADD COLUMN is_ca BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX certificates_ca ON certificates (account, subject) WHERE is_ca;
CREATE UNIQUE INDEX certificates_print ON certificates (fingerprint, account) WHERE fingerprint IS NOT NULL;
DROP INDEX certificates_fingerprint;

-- Tags in use. A tag is known by its letters A to Z made small; name is how it
-- was written first. The lists of tags in the things themselves stay what is
-- shown; these tables find and count.
CREATE TABLE tags (
  account TEXT NOT NULL,
  tag TEXT NOT NULL,
  name TEXT NOT NULL,
  tag_key TEXT NOT NULL,
  tag_value TEXT NOT NULL,
  PRIMARY KEY (account, tag)
) WITHOUT ROWID;
CREATE TABLE tag_uses (
  kind TEXT NOT NULL,
  object TEXT NOT NULL,
  tag TEXT NOT NULL,
  account TEXT NOT NULL,
  PRIMARY KEY (kind, object, tag)
) WITHOUT ROWID;
CREATE INDEX tag_uses_tag ON tag_uses (account, tag, kind, object);
CREATE TABLE tag_counts (
  account TEXT NOT NULL,
  tag TEXT NOT NULL,
  kind TEXT NOT NULL,
  group_id TEXT NOT NULL,
  uses BIGINT NOT NULL,
  PRIMARY KEY (account, tag, kind, group_id)
) WITHOUT ROWID;
INSERT INTO tag_uses (kind, object, tag, account)
  SELECT DISTINCT 'certificate', c.id, LOWER(j.value), c.account FROM certificates c, json_each(c.tags) j WHERE c.tags <> '[]';
INSERT INTO tags (account, tag, name, tag_key, tag_value)
  SELECT c.account, LOWER(j.value), MIN(j.value), CASE WHEN INSTR(MIN(j.value), ':') > 1 THEN SUBSTR(MIN(j.value), 1, INSTR(MIN(j.value), ':') - 1) ELSE MIN(j.value) END,
    CASE WHEN INSTR(MIN(j.value), ':') > 1 THEN SUBSTR(MIN(j.value), INSTR(MIN(j.value), ':') + 1) ELSE '' END
  FROM certificates c, json_each(c.tags) j WHERE c.tags <> '[]' GROUP BY c.account, LOWER(j.value) ON CONFLICT (account, tag) DO NOTHING;
INSERT INTO tag_uses (kind, object, tag, account)
  SELECT DISTINCT 'credential', c.id, LOWER(j.value), c.account FROM credentials c, json_each(c.tags) j WHERE c.tags <> '[]';
INSERT INTO tags (account, tag, name, tag_key, tag_value)
  SELECT c.account, LOWER(j.value), MIN(j.value), CASE WHEN INSTR(MIN(j.value), ':') > 1 THEN SUBSTR(MIN(j.value), 1, INSTR(MIN(j.value), ':') - 1) ELSE MIN(j.value) END,
    CASE WHEN INSTR(MIN(j.value), ':') > 1 THEN SUBSTR(MIN(j.value), INSTR(MIN(j.value), ':') + 1) ELSE '' END
  FROM credentials c, json_each(c.tags) j WHERE c.tags <> '[]' GROUP BY c.account, LOWER(j.value) ON CONFLICT (account, tag) DO NOTHING;
INSERT INTO tag_uses (kind, object, tag, account)
  SELECT DISTINCT 'order', c.order_id, LOWER(j.value), c.account FROM order_details c, json_each(c.tags) j WHERE c.tags <> '[]';
INSERT INTO tags (account, tag, name, tag_key, tag_value)
  SELECT c.account, LOWER(j.value), MIN(j.value), CASE WHEN INSTR(MIN(j.value), ':') > 1 THEN SUBSTR(MIN(j.value), 1, INSTR(MIN(j.value), ':') - 1) ELSE MIN(j.value) END,
    CASE WHEN INSTR(MIN(j.value), ':') > 1 THEN SUBSTR(MIN(j.value), INSTR(MIN(j.value), ':') + 1) ELSE '' END
  FROM order_details c, json_each(c.tags) j WHERE c.tags <> '[]' GROUP BY c.account, LOWER(j.value) ON CONFLICT (account, tag) DO NOTHING;
INSERT INTO tag_counts (account, tag, kind, group_id, uses)
  SELECT x.account, x.tag, x.kind, COALESCE(x.group_id, ''), COUNT(*) FROM (
    SELECT u.account, u.tag, u.kind, c.group_id FROM tag_uses u JOIN certificates c ON c.id = u.object WHERE u.kind = 'certificate'
    UNION ALL SELECT u.account, u.tag, u.kind, c.group_id FROM tag_uses u JOIN credentials c ON c.id = u.object WHERE u.kind = 'credential'
    UNION ALL SELECT u.account, u.tag, u.kind, o.group_id FROM tag_uses u JOIN orders o ON o.id = u.object WHERE u.kind = 'order') x
  GROUP BY x.account, x.tag, x.kind, COALESCE(x.group_id, '');

-- +goose Down
DROP TABLE tag_counts;
DROP TABLE tag_uses;
DROP TABLE tags;
DELETE FROM certificate_bodies WHERE certificate IN (SELECT id FROM certificates WHERE protocol = 'import');
DELETE FROM certificates WHERE protocol = 'import';
CREATE UNIQUE INDEX certificates_fingerprint ON certificates (fingerprint) WHERE fingerprint IS NOT NULL;
DROP INDEX certificates_print;
DROP INDEX certificates_ca;
ALTER TABLE certificates DROP COLUMN is_ca;
ALTER TABLE certificates DROP COLUMN issuer_dn;
