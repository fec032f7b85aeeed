-- Orders of DNA kits for users.

-- +goose Up

-- owner: orders
-- A kit that was ordered for a user. shipping is where it goes, sealed; NULL once
-- the user is erased.
CREATE TABLE orders (
    user_id    UUID   NOT NULL REFERENCES users (id),
    id         UUID   NOT NULL,
    kit_type   TEXT   NOT NULL CHECK (kit_type IN ('whole-exome-sequencing', 'whole-genome-sequencing', 'targeted-sequencing', 'genotyping-array')),
    status     TEXT   NOT NULL CHECK (status IN ('placed', 'dispatched', 'sample_received', 'completed', 'cancelled')),
    shipping   BYTEA,
    created_at BIGINT NOT NULL,
    created_by UUID   NOT NULL,
    updated_at BIGINT NOT NULL,
    version    BIGINT NOT NULL,
    PRIMARY KEY (user_id, id)
);
CREATE INDEX orders_newest ON orders (id, user_id);
CREATE INDEX orders_status ON orders (status, id, user_id);

-- +goose Down
-- There is no way back but a backup.
SELECT 1;
