package sqldb

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
)

// errNotUnderstood stands for pgx's error, which may quote the address.
var errNotUnderstood = errors.New("open database: the postgres:// address can't be understood")

// CheckAddress returns what is wrong with the address of a database, as Open would,
// without opening anything.
func CheckAddress(url string) error {
	scheme, rest, _ := strings.Cut(url, ":")
	switch scheme {
	case "sqlite":
		if strings.TrimPrefix(rest, "//") == "" {
			return errors.New(`open database: the path is missing after "sqlite:"`)
		}
		return nil
	case "postgres", "postgresql":
		config, err := pgx.ParseConfig(url)
		if err != nil {
			return errNotUnderstood
		}
		_, err = poolSize(config)
		return err
	}
	return errors.New(`open database: the address must begin with "sqlite:" or "postgres://"`)
}
