package encounters

import (
	"context"

	"github.com/google/uuid"

	"medbook/internal/check"
	"medbook/internal/id"
	"medbook/internal/sqldb"
)

// Questions are what is so of the package's tables at every moment.
func Questions() []check.Question {
	return []check.Question{
		{Name: "encounters", Says: "encounters have their versions, and belong to their patients' appointments", Rows: &check.Rows{
			Table: "encounters", Key: []string{"patient_id", "id"},
			Join: `LEFT JOIN appointments a ON a.practitioner_id = r.practitioner_id AND a.id = r.appointment_id
				LEFT JOIN patient_keys k ON k.patient_id = r.patient_id
				LEFT JOIN encounter_versions v ON v.patient_id = r.patient_id AND v.encounter_id = r.id AND v.version = r.version`,
			Broken: []check.Broken{
				{When: `r.appointment_id IS NOT NULL AND a.id IS NULL`, Says: "belongs to an appointment that is not there"},
				{When: `a.patient_id <> r.patient_id`, Says: "belongs to another patient's appointment"},
				{When: `k.patient_id IS NULL`, Says: "has no key"},
				{When: `v.version IS NULL OR r.version <> (SELECT COUNT(*) FROM encounter_versions w WHERE w.patient_id = r.patient_id AND w.encounter_id = r.id)`, Says: "lacks a version, or has one too many"},
				{When: `v.encounter_date <> r.encounter_date OR v.encounter_type <> r.encounter_type OR v.shared <> r.shared`, Says: "is not what its latest version says"},
			},
		}},
		{Name: "keys", Says: "patients' keys are there or destroyed", Rows: &check.Rows{
			Table: "patient_keys", Key: []string{"patient_id"},
			Broken: []check.Broken{
				{When: `r.wrapped IS NULL AND r.destroyed_at IS NULL`, Says: "is lost"},
				{When: `r.wrapped IS NOT NULL AND r.destroyed_at IS NOT NULL`, Says: "is said to be destroyed, and is not"},
			},
		}},
	}
}

// keptKey is a patient's key, with the latest encounter that it seals, if there is one.
type keptKey struct {
	patientKey
	encounter id.Keyed
	version   int64
	sealed    []byte
}

// keysFrom lists keys that are not destroyed by patient, with an encounter of each.
func keysFrom(ctx context.Context, tx *sqldb.Tx, after uuid.UUID, most int) ([]keptKey, error) {
	return sqldb.All(ctx, tx, func(r sqldb.Row) (k keptKey, err error) {
		var encounter uuid.NullUUID
		var version *int64
		err = r.Scan(&k.patient, &k.id, &k.wrapped, &k.by, &encounter, &version, &k.sealed)
		if encounter.Valid && version != nil {
			k.encounter, k.version = id.Keyed{Lead: k.patient, ID: encounter.UUID}, *version
		}
		return k, err
	}, `SELECT k.patient_id, k.id, k.wrapped, k.wrapped_by, e.id, v.version, v.sealed FROM patient_keys k
		LEFT JOIN encounters e ON e.patient_id = k.patient_id AND e.id = (SELECT o.id FROM encounters o WHERE o.patient_id = k.patient_id ORDER BY o.id DESC LIMIT 1)
		LEFT JOIN encounter_versions v ON v.patient_id = e.patient_id AND v.encounter_id = e.id AND v.version = e.version
		WHERE k.patient_id > $1 AND k.wrapped IS NOT NULL ORDER BY k.patient_id LIMIT $2`, after, most)
}
