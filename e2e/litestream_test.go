package e2e

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"medbook/client"
	"medbook/internal/sqldb/sqltest"
)

// litestream is the path of Litestream, as tools/litestream pins it.
var litestream = sync.OnceValues(func() (string, error) {
	folder, err := filepath.Abs("../tools/litestream")
	if err != nil {
		return "", err
	}
	path := filepath.Join(binaries, "litestream")
	build := exec.Command("go", "build", "-o", path, "github.com/benbjohnson/litestream/cmd/litestream")
	build.Dir, build.Env = folder, append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build Litestream: %w: %s", err, out)
	}
	return path, nil
})

// replication is a Litestream over a clinic's file.
type replication struct {
	c               *clinic
	program, config string
	replica         string // the folder that it copies to
	process         *process
}

// replicate writes the configuration of deploy/litestream.yml for the clinic's file.
func (c *clinic) replicate() *replication {
	c.t.Helper()
	program, err := litestream()
	if err != nil {
		c.t.Fatal(err)
	}
	sample, err := os.ReadFile("../deploy/litestream.yml")
	if err != nil {
		c.t.Fatal(err)
	}
	r := &replication{c: c, program: program, config: filepath.Join(c.t.TempDir(), "litestream.yml"), replica: filepath.Join(c.t.TempDir(), "replica")}
	text := strings.NewReplacer("/var/lib/medbook/medbook.db", r.file(), "/mnt/backup/medbook", r.replica).Replace(string(sample))
	if err := os.WriteFile(r.config, []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
	return r
}

func (r *replication) file() string { return strings.TrimPrefix(r.c.database, "sqlite:") }

// start runs Litestream until the test ends or it is killed.
func (r *replication) start() {
	r.c.t.Helper()
	r.process = launchFrom(r.c.t, r.program, r.c.t.TempDir(), nil, "replicate", "-config", r.config)
}

// newest is the name of the newest piece of the log in a folder, "" if there is none.
// Names ascend.
func newest(folder string) (name string) {
	_ = fs.WalkDir(os.DirFS(folder), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(path, ".ltx") && strings.Contains(path, "/0/") {
			name = max(name, d.Name())
		}
		return nil // what is compacted away meanwhile
	})
	return name
}

// awaitCopies waits until what is in the log now was copied. Litestream makes pieces
// of the log one after the other in a folder of its own, from which they go out. The
// piece that comes next may have been begun before now, the one after it was not.
func (r *replication) awaitCopies() {
	r.c.t.Helper()
	own := filepath.Join(filepath.Dir(r.file()), "."+filepath.Base(r.file())+"-litestream")
	last := newest(own)
	for range 2 {
		eventually(r.c.t, "Litestream reads the log", func() bool {
			next := newest(own)
			grown := next > last
			last = next
			return grown
		})
	}
	eventually(r.c.t, "Litestream copies the log", func() bool { return newest(r.replica) >= last })
}

// booker books one slot after the other, as long as it is let.
type booker struct {
	mu    sync.Mutex
	done  []booked // in the order of their answers
	ended chan struct{}
}

// booked is an appointment that was acknowledged.
type booked struct {
	id string
	at time.Time
}

// book has staff book slots for a patient until ctx ends or the server goes.
func book(ctx context.Context, admin person, patient string, slots <-chan client.Slot) *booker {
	b := &booker{ended: make(chan struct{})}
	go func() {
		defer close(b.ended)
		for ctx.Err() == nil {
			slot, more := <-slots
			if !more {
				return
			}
			a, err := admin.Hold(ctx, client.NewAppointment{SlotID: slot.ID, PatientID: patient, Confirm: true})
			if err != nil {
				return
			}
			b.mu.Lock()
			b.done = append(b.done, booked{a.ID, time.Now()})
			b.mu.Unlock()
		}
	}()
	return b
}

func (b *booker) so(t *testing.T, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d appointments are booked", n), func() bool { return b.count() >= n })
}

func (b *booker) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.done)
}

// TestLitestreamKeepsTheFile replicates the file of a busy server by the real
// Litestream, which dies and comes back meanwhile, while the server moves its log
// into the file as it always does. Then both are killed, the machine is gone, and
// what Litestream restores is sound, has everything that was acknowledged before the
// last copy began, and of what came after it the older part.
func TestLitestreamKeepsTheFile(t *testing.T) {
	t.Parallel()
	c := open(t, sqltest.SQLite(t))
	r := c.replicate()
	r.start()
	admin, patient := c.user("admin", "UTC"), c.user("patient", newYork)
	slots := c.manySlots()
	b := book(t.Context(), admin, patient.ID, slots)
	b.so(t, 50)
	r.awaitCopies()
	r.process.kill(t)
	b.so(t, b.count()+80) // which is more than the server leaves in its log
	r.start()
	r.awaitCopies()
	b.so(t, b.count()+80)
	kept := b.count() // have been answered
	r.awaitCopies()
	killed := time.Now()
	c.server.kill(t)
	r.process.kill(t)
	<-b.ended

	restored := filepath.Join(t.TempDir(), "restored.db")
	back := launchFrom(t, r.program, t.TempDir(), nil, "restore", "-config", r.config, "-o", restored, r.file())
	if status := back.wait(t); status != 0 {
		t.Fatalf("litestream restore ended with %d: %v", status, back.stderr.all())
	}
	c.database = "sqlite:" + restored
	if verdict := run(t, t.TempDir(), c.env(), "check"); verdict.status != 0 {
		t.Fatalf("what was restored is not sound: status %d\n%s%s", verdict.status, verdict.stdout, verdict.stderr)
	}
	c.server = c.serve()
	there := map[string]bool{}
	for _, a := range all(t, c.as(admin.Key).Appointments(client.AppointmentQuery{}).All(t.Context())) {
		there[a.ID] = a.Status == "confirmed"
	}
	lost := slices.IndexFunc(b.done, func(a booked) bool { return !there[a.id] })
	if lost < 0 {
		t.Logf("nothing of %d appointments is lost", len(b.done))
		return
	}
	t.Logf("%d of %d appointments are lost, the first of %v before the end", len(b.done)-lost, len(b.done), killed.Sub(b.done[lost].at))
	if lost < kept {
		t.Errorf("appointment %d is lost, which was acknowledged before the last copy began; want the first %d", lost, kept)
	}
	if slices.ContainsFunc(b.done[lost:], func(a booked) bool { return there[a.id] }) {
		t.Error("an appointment is lost, and a later one is there")
	}
}

// manySlots publishes a practitioner's days and hands out their slots.
func (c *clinic) manySlots() <-chan client.Slot {
	c.t.Helper()
	practitioner, id := c.practitioner(newYork)
	week := client.Hours{Weekdays: []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}, From: "00:00", To: "24:00", ValidFrom: "2027-03-15", ValidUntil: "2027-03-20"}
	must(practitioner.Publish(c.t.Context(), id, week))(c.t)
	found := all(c.t, practitioner.Slots(client.SlotQuery{PractitionerID: id}).All(c.t.Context()))
	slots := make(chan client.Slot, len(found))
	for _, s := range found {
		slots <- s
	}
	close(slots)
	return slots
}
