// Package app builds the server from its configuration, runs it, and stops it
// without losing an answer.
package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"medbook/internal/api"
	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/encounters"
	"medbook/internal/federation"
	"medbook/internal/gate"
	"medbook/internal/jobs"
	"medbook/internal/keyring"
	"medbook/internal/notify"
	"medbook/internal/orders"
	"medbook/internal/origin"
	"medbook/internal/password"
	"medbook/internal/privacy"
	"medbook/internal/scheduling"
	"medbook/internal/sqldb"
	"medbook/internal/web"
	"medbook/internal/webhooks"
)

// Config says where a server listens, where it keeps its data, and whom it trusts.
type Config struct {
	Listen   string // host:port; port 0 takes a free one
	Database string // sqlite:PATH or postgres://…
	Keys     *keyring.Ring
	Log      *slog.Logger

	TLSCert, TLSKey string         // files; empty: plain HTTP
	TrustedProxies  origin.Proxies // whose X-Forwarded-For counts
	PublicURL       string         // where people reach the server; empty: its own address
	Clinic          string         // its name, in messages; empty: as it is set in the database
	RequireFactor   []auth.Role    // whose sessions need a second factor

	// By what messages go out; what is zero is not there. Without any, they stay in
	// the outbox.
	Mail  notify.SMTP
	Email notify.API // instead of Mail
	SMS   notify.API
	Push  notify.Pushing // without a key it has one of Keys
	Hook  notify.Hook

	Providers []federation.Issuer // at which people may sign in

	Limits    gate.Limits
	Restraint scheduling.Restraint
	Origins   []string // whose pages may call the API

	Checkpoints  string        // file of the audit trail's signed heads; empty: only in the database
	AuditWebhook string        // where else they are sent; empty: nowhere
	RetainAudit  time.Duration // for how long records of the trail are kept; zero: for ever

	WebhooksAllowPrivate bool // webhooks may lead to addresses within the clinic's own net

	AllowNewerSchema bool          // start over a newer schema that says that this program may
	Drain            time.Duration // between being told to stop and taking no new requests
	Watching         Watching

	Demo []DemoPerson // as whom anybody may sign in; nil: this is no demo

	Masters       []keyring.Master // that wrap patients' keys, the first one new ones; none: Keys do
	RetainRecords int              // days after the latest encounter for which a patient can't be erased
}

// DemoPerson is somebody invented, whose password anybody may know.
type DemoPerson struct {
	Role                        auth.Role
	Name, Email, Password, Note string
}

// Services are the nouns of the program over one database.
type Services struct {
	DB         *sqldb.DB
	Auth       *auth.Service
	Directory  *directory.Service
	Notify     *notify.Service
	Webhooks   *webhooks.Service
	Scheduling *scheduling.Service
	Encounters *encounters.Service
	Orders     *orders.Service
	Privacy    *privacy.Service
}

// Open opens the database, brings its schema up to date, and builds the
// services over it. Several processes may do so at once. The caller closes DB.
func Open(ctx context.Context, database string) (*Services, error) {
	return open(ctx, database, false)
}

func open(ctx context.Context, database string, allowNewer bool) (*Services, error) {
	db, err := sqldb.Open(ctx, database)
	if err != nil {
		return nil, err
	}
	db.Clock, db.Steps, db.AllowNewer = clock(), steps(), allowNewer
	if err := db.Migrate(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return NewServices(db), nil
}

// OpenAsIs opens a database that exists, whatever its schema.
func OpenAsIs(ctx context.Context, database string) (*sqldb.DB, error) {
	db, err := sqldb.OpenExisting(ctx, database)
	if err != nil {
		return nil, err
	}
	db.Clock, db.Steps = clock(), steps()
	return db, nil
}

// NewServices builds the services over a database whose schema is up to date.
func NewServices(db *sqldb.DB) *Services {
	passwords := &password.Hasher{} // one gate for all who hash
	who := &auth.Service{DB: db, Passwords: passwords}
	records, kits := &encounters.Service{DB: db}, &orders.Service{DB: db}
	times := &scheduling.Service{DB: db, Auth: who}
	return &Services{
		DB:         db,
		Auth:       who,
		Directory:  &directory.Service{DB: db, Passwords: passwords, Enrol: scheduling.OpenSchedule, Retire: scheduling.CloseSchedule},
		Notify:     &notify.Service{DB: db, Sources: sources(times)},
		Webhooks:   &webhooks.Service{DB: db},
		Scheduling: times,
		Encounters: records,
		Orders:     kits,
		Privacy:    &privacy.Service{DB: db, Encounters: records, Orders: kits},
	}
}

// sources are where the facts of messages come from.
func sources(times *scheduling.Service) map[notify.Kind]notify.Source {
	all := map[notify.Kind]notify.Source{notify.EncounterShared: encounters.Facts}
	for _, kind := range scheduling.Tells() {
		all[kind] = times.Letters()
	}
	return all
}

// App is a server that holds its address and its database, and does not answer yet.
type App struct {
	*Services
	config   Config
	log      *slog.Logger
	listener net.Listener
	server   *http.Server
	runner   *jobs.Runner
	keeper   *audit.Keeper
	held     audit.Held // whose records of the trail may not be removed
	watched  watch
	stopping atomic.Bool // it was told to stop
	bounds   bounds

	certificates *certificates // nil: it serves plain HTTP
}

// New takes the address first, so that a second server started by mistake
// leaves the database alone, and then opens the database.
func New(ctx context.Context, c Config) (*App, error) {
	if err := c.Check(ctx); err != nil {
		return nil, err
	}
	channels, err := c.channels()
	if err != nil {
		return nil, err
	}
	listener, err := c.listen(ctx)
	if err != nil {
		return nil, err
	}
	services, err := open(ctx, c.Database, c.AllowNewerSchema)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	a := &App{Services: services, config: c, log: c.Log, listener: listener, held: privacy.Held, bounds: usual}
	a.open(channels)
	err = a.watch(ctx)
	if err == nil {
		err = a.build(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// build puts the parts of a server together.
func (a *App) build(ctx context.Context) error {
	a.Auth.Log, a.Auth.Keys, a.Auth.RequireFactor = a.log, a.config.Keys, a.config.RequireFactor
	a.Directory.ClinicName = a.config.Clinic
	a.Auth.Clinic = func(ctx context.Context, tx *sqldb.Tx) (string, error) {
		return directory.ClinicName(ctx, tx, a.config.Clinic)
	}
	if err := a.Auth.CheckKeys(ctx); err != nil {
		return err
	}
	a.Scheduling.Restraint = a.config.Restraint
	a.Encounters.Masters, a.Encounters.Seal = a.config.masters(), a.config.Keys
	a.Orders.Seal = a.config.Keys
	a.Privacy.Seal, a.Privacy.RetainRecords = a.config.Keys, a.config.RetainRecords
	pages := a.pages()
	a.server = newServer(a.handler(pages), a.log)
	a.server.RegisterOnShutdown(pages.Stop) // else pages that are kept fresh would hold it up
	if a.config.TLSCert != "" {
		a.certificates = &certificates{cert: a.config.TLSCert, key: a.config.TLSKey, now: a.DB.Now, log: a.log}
		var err error
		if a.server.TLSConfig, err = a.certificates.config(); err != nil {
			return err
		}
	}
	var err error
	if a.Auth.Passkeys, err = auth.NewPasskeys(a.PublicURL()); err != nil {
		return err
	}
	a.Auth.PublicURL, a.Auth.Provision = a.PublicURL(), a.Directory.Provision
	a.Auth.Federation = &federation.Service{Issuers: a.config.Providers, Now: a.DB.Now, Log: a.log}
	a.Notify.Seal, a.Notify.Clinic, a.Notify.PublicURL = a.config.Keys, a.config.Clinic, a.PublicURL()
	a.Webhooks.Seal, a.Webhooks.AllowPrivate = a.config.Keys, a.config.WebhooksAllowPrivate
	a.runner = a.newRunner()
	if a.Privacy.TrailKeys, err = CheckpointKeys(a.config.Keys); err != nil {
		return err
	}
	signer, err := CheckpointSigner(a.config.Keys)
	a.keeper = &audit.Keeper{DB: a.DB, Log: a.log, Signer: signer, File: a.config.Checkpoints}
	if err == nil && a.config.AuditWebhook != "" {
		a.keeper.Webhook, err = audit.NewWebhook(a.config.AuditWebhook, a.log)
	}
	return err
}

// masters returns what wraps patients' keys.
func (c Config) masters() []keyring.Master {
	if len(c.Masters) > 0 {
		return c.Masters
	}
	return []keyring.Master{keyring.NewLive(c.Keys, "")}
}

// checkpointKey is what the key that signs the audit trail's heads is derived for.
const checkpointKey = "audit checkpoint"

// CheckpointSigner returns what signs the audit trail's heads with these keys.
func CheckpointSigner(ring *keyring.Ring) (*audit.Signer, error) {
	return audit.NewSigner(ring.Derive(checkpointKey, nil))
}

// CheckpointKeys returns the public keys by which the checkpoints are read that
// servers with these keys sign, or signed before the keys were rotated.
func CheckpointKeys(ring *keyring.Ring) (keys []string, err error) {
	for _, seed := range ring.DeriveAll(checkpointKey, nil) {
		key, err := audit.VerifierKey(seed)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// pages builds what answers with HTML.
func (a *App) pages() *web.Server {
	p := &web.Server{
		Auth: a.Auth, Directory: a.Directory, Notify: a.Notify, Webhooks: a.Webhooks, Scheduling: a.Scheduling, Encounters: a.Encounters, Orders: a.Orders, Privacy: a.Privacy,
		Log: a.log, Now: a.DB.Now,
	}
	for _, d := range a.config.Demo {
		p.Guests = append(p.Guests, web.Guest(d))
	}
	return p
}

// handler puts the gate before the faces.
func (a *App) handler(pages *web.Server) http.Handler {
	g := &gate.Gate{
		Auth: a.Auth, Log: a.log, Now: a.DB.Now, Proxies: a.config.TrustedProxies, Limits: a.config.Limits, Origins: a.config.Origins,
		Pick: a.faces(pages), Instruments: a.watched.instruments, Tracer: a.watched.tracer(),
	}
	return g.Handler()
}

// faces returns which face a request is for.
func (a *App) faces(pages *web.Server) func(*http.Request) gate.Face {
	s := &api.Server{
		Auth: a.Auth, Directory: a.Directory, Notify: a.Notify, Webhooks: a.Webhooks, Scheduling: a.Scheduling, Encounters: a.Encounters, Orders: a.Orders, Privacy: a.Privacy,
		Checks: a.Checks,
	}
	rest, html := s.Face(), pages.Face()
	return func(r *http.Request) gate.Face {
		if api.Owns(r.URL.Path) {
			return rest
		}
		return html
	}
}
