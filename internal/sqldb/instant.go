package sqldb

import (
	"database/sql/driver"
	"fmt"
	"time"
)

// Instant is a time as the database keeps it: a BIGINT of microseconds since
// 1970 UTC, and NULL for the zero time. What is finer than a microsecond is
// dropped. Use Instant(t) as an argument and (*Instant)(&t) to scan.
type Instant time.Time

// Value implements driver.Valuer.
func (i Instant) Value() (driver.Value, error) {
	if time.Time(i).IsZero() {
		return nil, nil
	}
	return time.Time(i).UnixMicro(), nil
}

// Scan implements sql.Scanner; the result is in UTC.
func (i *Instant) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*i = Instant{}
	case int64:
		*i = Instant(time.UnixMicro(v).UTC())
	default:
		return fmt.Errorf("sqldb: an instant is kept as a BIGINT, got %T", src)
	}
	return nil
}
