package directory

import "medbook/internal/check"

// Questions are what is so of the package's tables at every moment.
func Questions() []check.Question {
	return []check.Question{
		{Name: "users", Says: "users have the rows that their roles need", Rows: &check.Rows{
			Table: "users", Key: []string{"id"},
			Join: `LEFT JOIN user_profiles f ON f.user_id = r.id LEFT JOIN patients t ON t.patient_id = r.id
				LEFT JOIN practitioners p ON p.user_id = r.id LEFT JOIN practitioner_search s ON s.practitioner_id = p.id`,
			Broken: []check.Broken{
				{When: `f.user_id IS NULL`, Says: "has no profile"},
				{When: `r.role = 'patient' AND t.patient_id IS NULL`, Says: "is a patient for whom nobody can book"},
				{When: `r.role = 'practitioner' AND p.id IS NULL`, Says: "is a practitioner without an id as one"},
				{When: `p.id IS NOT NULL AND s.practitioner_id IS NULL`, Says: "is a practitioner who is not in the public directory"},
			},
		}},
		{Name: "care", Says: "care is by practitioners", Rows: &check.Rows{
			Table: "care_relations", Key: []string{"patient_id", "practitioner_id"},
			Join:   `LEFT JOIN practitioners p ON p.id = r.practitioner_id`,
			Broken: []check.Broken{{When: `p.id IS NULL`, Says: "is by a practitioner who is not there"}},
		}},
	}
}
