-- The waiting list is acted upon: what becomes free is offered.

-- +goose Up

-- owner: scheduling
-- Which start was offered to whom on the waiting list, so that nobody is offered
-- the same twice. appointment_id is the hold that the offer is.
CREATE TABLE waitlist_offers (
    patient_id      UUID   NOT NULL,
    wait_id         UUID   NOT NULL,
    starts_at       BIGINT NOT NULL,
    practitioner_id UUID   NOT NULL,
    appointment_id  UUID   NOT NULL,
    offered_at      BIGINT NOT NULL,
    PRIMARY KEY (patient_id, wait_id, starts_at)
);

-- +goose Down
-- There is no way back but a backup.
SELECT 1;
