package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"

	"medbook/internal/errs"
)

// InUse reports whether a medbook has the database at url open: a server, say. What
// comes through a pooler of connections may not show. It is asked before Open, by
// whoever wants to be alone, and looks for a moment only.
func InUse(ctx context.Context, url string) (used bool, err error) {
	defer errs.Wrap(&err, "look who uses the database")
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		return sqliteInUse(ctx, strings.TrimPrefix(path, "//"))
	}
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return false, errors.New("the postgres:// address can't be understood")
	}
	config.ConnectTimeout = connectFor
	config.RuntimeParams["application_name"] = "medbook look"
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return false, &maskedError{reason(err), classify(ctx, err)}
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	err = conn.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = 'medbook')`).Scan(&used)
	return used, classify(ctx, err)
}

// sqliteInUse asks for the file to itself, which nobody gets while another process
// has it open.
func sqliteInUse(ctx context.Context, path string) (bool, error) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	pool, err := sql.Open("sqlite", sqliteDSN(path, "_dqs=0&_pragma=busy_timeout(0)&_pragma=locking_mode(EXCLUSIVE)"))
	if err != nil {
		return false, err
	}
	defer pool.Close()
	pool.SetMaxOpenConns(1)
	var n int
	err = pool.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&n)
	if sqliteCode(err)&0xff == sqliteBusy {
		return true, nil
	}
	return false, classify(ctx, err)
}
