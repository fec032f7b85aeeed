package app

import (
	"cmp"
	"context"
	"path/filepath"
	"strings"
	"time"

	"medbook/internal/api"
	"medbook/internal/errs"
	"medbook/internal/sqldb"
)

// checkFor is how long the database may take to answer a check.
const checkFor = 5 * time.Second

// bounds are what checks judge by.
type bounds struct {
	stalled   time.Duration // after which work in the background counts as stalled
	leastFree uint64        // bytes of a disk, below which it is nearly full
}

// usual are the bounds that are documented. A job takes less than that.
var usual = bounds{stalled: 2 * time.Minute, leastFree: 128 << 20}

// Checks tells what can be told of whether requests can be answered now, and well.
// Only what is Fatal takes a server out of a balancer: of the rest, all servers of a
// clinic would mostly suffer at once, and bookings would end for what hurts less.
func (a *App) Checks(ctx context.Context) []api.Check {
	all := []api.Check{{Name: "serving", Fatal: true}}
	if a.stopping.Load() {
		all[0].Code, all[0].Detail = "stopping", "The server was told to stop, and lets requests run out."
	}
	all = append(all, a.checkDatabase(ctx)...)
	jobs := api.Check{Name: "jobs"}
	if a.runner.Quiet() > a.bounds.stalled {
		jobs.Code, jobs.Detail = "jobs-stalled", "No worker has been able to look for jobs for two minutes: no message goes out from here."
	}
	trail := api.Check{Name: "audit"}
	if a.keeper.Quiet() > a.bounds.stalled {
		trail.Code, trail.Detail = "audit-stalled", "For two minutes records of the audit trail could not be sealed, or a checkpoint not be written. The log says why."
	}
	disk := api.Check{Name: "disk"}
	for of, path := range a.config.disks() {
		if free, _, ok := diskSpace(path); ok && free < a.bounds.leastFree {
			disk.Code, disk.Detail = "disk-nearly-full", "Less than 128 MiB are free where the "+of+" is."
		}
	}
	return append(all, jobs, trail, disk)
}

// checkDatabase tells whether the database answers, and if so whether its schema is
// the program's.
func (a *App) checkDatabase(ctx context.Context) []api.Check {
	ctx, cancel := context.WithTimeout(ctx, checkFor)
	defer cancel()
	database, schema := api.Check{Name: "database", Fatal: true}, api.Check{Name: "schema", Fatal: true}
	err := a.DB.Ready(ctx)
	if err == nil {
		return []api.Check{database, schema}
	}
	e := cmp.Or(errs.As(err), sqldb.ErrUnavailable)
	if e.Code == sqldb.ErrNewer.Code || e.Code == sqldb.ErrNotMigrated.Code {
		schema.Code, schema.Detail = e.Code, e.Detail
		return []api.Check{database, schema}
	}
	database.Code, database.Detail = e.Code, e.Detail
	return []api.Check{database}
}

// disks returns the folders of what the server writes, by what that is.
func (c Config) disks() map[string]string {
	all := map[string]string{}
	if path, ok := strings.CutPrefix(c.Database, "sqlite:"); ok {
		all["database"] = filepath.Dir(strings.TrimPrefix(path, "//"))
	}
	if c.Checkpoints != "" {
		all["checkpoints"] = filepath.Dir(c.Checkpoints)
	}
	return all
}

// certificateEnds returns when the certificate that is shown now ends; zero: there is none.
func (a *App) certificateEnds() time.Time {
	if a.certificates == nil {
		return time.Time{}
	}
	if leaf := a.certificates.current().Leaf; leaf != nil {
		return leaf.NotAfter
	}
	return time.Time{}
}
