-- Patients are found by their names.

-- +goose Up

-- owner: directory
-- What patients are searched by, folded in Go because the engines' lower() differ.
-- Patients from before this step get their rows from the hourly directory.index.
CREATE TABLE patient_search (
    patient_id UUID PRIMARY KEY REFERENCES patients (patient_id),
    name       TEXT NOT NULL
);

-- +goose Down
-- There is no way back but a backup.
SELECT 1;
