-- The trail can't be changed unseen: each record of the audit trail gets a place
-- in a tree of hashes (RFC 6962), whose heads are signed.

-- +goose Up

-- owner: audit
-- The places in order, from 0 on, and the hash of what stands there.
CREATE TABLE audit_leaves (
    seq      BIGINT PRIMARY KEY,
    event_id UUID   NOT NULL,
    hash     BYTEA  NOT NULL
);
CREATE UNIQUE INDEX audit_leaves_event ON audit_leaves (event_id);

-- owner: audit
-- Records that have no place yet.
CREATE TABLE audit_pending (
    event_id UUID PRIMARY KEY
);
INSERT INTO audit_pending (event_id) SELECT id FROM audit_events;

-- owner: audit
-- What the next leaf is hashed onto: one row. peaks are the hashes of the full
-- subtrees, the largest first.
CREATE TABLE audit_tree (
    id    BIGINT PRIMARY KEY CHECK (id = 1),
    size  BIGINT NOT NULL,
    peaks BYTEA  NOT NULL
);

-- owner: audit
-- Signed heads of the tree, as they were also written outside of the database.
CREATE TABLE audit_checkpoints (
    size BIGINT PRIMARY KEY,
    note TEXT   NOT NULL,
    at   BIGINT NOT NULL
);

ALTER TABLE audit_events DROP COLUMN seq;
CREATE INDEX audit_patients_event ON audit_patients (event_id, patient_id);

-- +goose Down
-- There is no way back but a backup.
SELECT 1;
