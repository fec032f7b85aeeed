-- Events go out to programs of the clinic.

-- +goose Up

-- owner: webhooks
-- A subscription: the address that events of these kinds are sent to; kinds have a
-- space between. secret signs them, sealed; old_secret does too until old_until.
-- created_by is a user.
CREATE TABLE webhooks (
    id         UUID    PRIMARY KEY,
    url        TEXT    NOT NULL,
    kinds      TEXT    NOT NULL,
    enabled    BOOLEAN NOT NULL,
    secret     BYTEA   NOT NULL,
    old_secret BYTEA,
    old_until  BIGINT,
    created_at BIGINT  NOT NULL,
    created_by UUID    NOT NULL,
    version    BIGINT  NOT NULL
);

-- owner: webhooks
-- One event on its way to one subscription, and what became of it; ids only. event_id
-- is the same for all subscriptions. A subscription may be gone before its
-- deliveries are, so no key leads to it.
CREATE TABLE webhook_deliveries (
    id              UUID   PRIMARY KEY,
    webhook_id      UUID   NOT NULL,
    event_id        UUID   NOT NULL,
    kind            TEXT   NOT NULL,
    about           TEXT   NOT NULL,
    patient_id      UUID,
    practitioner_id UUID,
    happened_at     BIGINT NOT NULL,
    status          TEXT   NOT NULL CHECK (status IN ('pending', 'sent', 'failed')),
    attempts        BIGINT NOT NULL,
    last_status     BIGINT NOT NULL,
    last_error      TEXT   NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);
CREATE UNIQUE INDEX webhook_deliveries_event ON webhook_deliveries (webhook_id, event_id);
CREATE INDEX webhook_deliveries_list ON webhook_deliveries (webhook_id, id);
CREATE INDEX webhook_deliveries_updated ON webhook_deliveries (updated_at);

-- +goose Down
-- There is no way back but a backup.
SELECT 1;
