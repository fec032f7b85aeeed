-- Encounters: what happened at a visit, sealed with a key of the patient's own.

-- +goose Up

-- owner: encounters
-- The key that seals what is clinical of a patient, as wrapped by the master key
-- that wrapped_by names. id is the key's, whoever wraps it. wrapped is NULL once
-- the key is destroyed, and all that it sealed with it.
CREATE TABLE patient_keys (
    patient_id   UUID   PRIMARY KEY,
    id           UUID   NOT NULL,
    wrapped      BYTEA,
    wrapped_by   TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    destroyed_at BIGINT
);

-- owner: encounters
-- A documented visit as it stands: its clinical data is in the version of that number.
CREATE TABLE encounters (
    patient_id      UUID    NOT NULL,
    id              UUID    NOT NULL,
    practitioner_id UUID    NOT NULL,
    appointment_id  UUID,
    encounter_date  TEXT    NOT NULL,
    encounter_type  TEXT    NOT NULL CHECK (encounter_type IN ('initial_assessment', 'follow_up', 'treatment_session')),
    shared          BOOLEAN NOT NULL,
    created_at      BIGINT  NOT NULL,
    created_by      UUID    NOT NULL,
    updated_at      BIGINT  NOT NULL,
    version         BIGINT  NOT NULL,
    PRIMARY KEY (patient_id, id)
);
CREATE INDEX encounters_date ON encounters (patient_id, encounter_date, id);

-- owner: encounters
-- What an encounter said, each time it was written. No row is changed, but that
-- erasure empties sealed.
CREATE TABLE encounter_versions (
    patient_id     UUID    NOT NULL,
    encounter_id   UUID    NOT NULL,
    version        BIGINT  NOT NULL,
    encounter_date TEXT    NOT NULL,
    encounter_type TEXT    NOT NULL,
    shared         BOOLEAN NOT NULL,
    sealed         BYTEA   NOT NULL,
    written_at     BIGINT  NOT NULL,
    written_by     UUID    NOT NULL,
    PRIMARY KEY (patient_id, encounter_id, version),
    FOREIGN KEY (patient_id, encounter_id) REFERENCES encounters (patient_id, id)
);

-- owner: encounters
-- A practitioner looks into the record of a patient who is not in their care.
-- reason is sealed, and NULL once the patient is erased.
CREATE TABLE emergency_access (
    patient_id      UUID   NOT NULL,
    id              UUID   NOT NULL,
    practitioner_id UUID   NOT NULL,
    user_id         UUID   NOT NULL,
    reason          BYTEA,
    opened_at       BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    PRIMARY KEY (patient_id, id)
);
CREATE INDEX emergency_access_opened ON emergency_access (opened_at, patient_id, id);

-- owner: privacy
-- Patients whose data nobody may erase or prune, because a court or an authority
-- asked for that. reason is sealed.
CREATE TABLE legal_holds (
    patient_id UUID   PRIMARY KEY,
    reason     BYTEA  NOT NULL,
    since      BIGINT NOT NULL,
    placed_by  UUID   NOT NULL
);

-- When a patient was erased. Nobody can book for them, write or read of them.
ALTER TABLE patients ADD COLUMN erased_at BIGINT;

-- +goose Down
-- There is no way back but a backup.
SELECT 1;
