package api

import (
	"context"
	"encoding/base32"
	"encoding/hex"
	"log/slog"
	"strings"
	"testing"

	"medbook/internal/jobs"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// TestNoSecretIsKeptInClear does all that makes secrets, and looks for them in
// every column of every table, as text and as bytes.
func TestNoSecretIsKeptInClear(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.withPassword("ann")
		access, refresh := c.signIn("ann")
		session := bearer(access)
		key := c.must(201, "", post, "/v1/api-keys", map[string]any{"name": "x"}, session...).text(t, "key")
		app, added := c.addApp(session)
		d := c.newDevice("ann")
		c.must(201, "", post, "/v1/auth/factors", d.enrol(session), session...)
		cookie := d.answer()
		cookie["session"] = "cookie"
		browser := c.must(200, "", post, "/v1/auth/passkey", cookie).Cookies()[0].Value
		c.must(202, "", post, "/v1/auth/password-reset", map[string]any{"email": "ann@example.org"})
		r := &jobs.Runner{DB: db, Log: slog.New(slog.DiscardHandler)}
		c.server.Notify.Work(r)
		if _, err := r.RunDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		link := c.linkIn("password-reset")

		secrets := map[string]string{
			"the password": passphrase, "the access token": access, "the refresh token": refresh, "the cookie": browser,
			"the key": key, "the link": link, "the app's secret": app.secret,
		}
		for _, code := range added.json(t)["recovery_codes"].([]any) {
			secrets["recovery code "+code.(string)] = strings.ReplaceAll(code.(string), "-", "")
		}
		all := c.dump()
		if !strings.Contains(all, "ann@example.org") || !strings.Contains(all, hex.EncodeToString(d.key.ID)) {
			t.Fatal("the dump lacks what is there in clear")
		}
		for what, secret := range secrets {
			for _, form := range forms(secret) {
				if strings.Contains(all, form) {
					t.Errorf("%s is kept in clear: %s", what, form)
				}
			}
		}
	})
}

// linkIn returns the token of the link in the newest message of a kind.
func (c *clinic) linkIn(kind string) string {
	c.t.Helper()
	list, _ := c.items("admin", "/v1/outbox?limit=100")
	for _, m := range list {
		if m["kind"] == kind {
			_, rest, _ := strings.Cut(c.must(200, "admin", get, "/v1/outbox/"+m["id"].(string), nil).text(c.t, "text"), "#")
			token, _, _ := strings.Cut(rest, "\n")
			return token
		}
	}
	c.t.Fatalf("no message %s in the outbox", kind)
	return ""
}

// forms are how a secret could be kept: as it is, its bytes, and the bytes that
// it stands for, without what tells whose it is.
func forms(secret string) []string {
	last := secret[strings.LastIndex(secret, "_")+1:]
	all := []string{secret, last, hex.EncodeToString([]byte(secret)), hex.EncodeToString([]byte(last))}
	for _, alphabet := range []string{"0123456789abcdefghjkmnpqrstvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"} {
		code := base32.NewEncoding(alphabet).WithPadding(base32.NoPadding)
		n := min(len(last), code.EncodedLen(32)) // what follows is a checksum
		if b, err := code.DecodeString(last[:n]); err == nil && len(b) >= 10 {
			all = append(all, hex.EncodeToString(b))
		}
	}
	return all
}

// dump writes all that the database holds, bytes as hex.
func (c *clinic) dump() string {
	c.t.Helper()
	var b strings.Builder
	tables, row := `SELECT tablename FROM pg_tables WHERE schemaname = 'public'`, func(table string) string {
		return `SELECT row_to_json(t)::text FROM ` + table + ` t`
	}
	if c.db.Engine() == sqldb.SQLite {
		tables = `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`
		row = func(table string) string {
			columns := c.texts(`SELECT 'lower(quote("' || name || '"))' FROM pragma_table_info('` + table + `')`)
			return `SELECT ` + strings.Join(columns, ` || ',' || `) + ` FROM ` + table
		}
	}
	for _, table := range c.texts(tables) {
		for _, line := range c.texts(row(table)) {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// texts returns what a query of one text answers.
func (c *clinic) texts(query string) (all []string) {
	c.t.Helper()
	err := c.db.View(c.t.Context(), func(ctx context.Context, tx *sqldb.Tx) (err error) {
		all, err = sqldb.All(ctx, tx, func(r sqldb.Row) (s string, err error) {
			err = r.Scan(&s)
			return s, err
		}, query)
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return all
}
