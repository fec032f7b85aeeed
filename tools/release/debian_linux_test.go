package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"go.yaml.in/yaml/v4"
)

// deb returns the Debian package of a version.
func deb(t *testing.T, r built, version string) string {
	t.Helper()
	if version == r.version {
		return filepath.Join(r.out, "medbook_1.2.3_"+here.arch+".deb")
	}
	r.version, r.out = version, t.TempDir()
	if err := r.debian(r.stage, r.out, here); err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(r.out, "*.deb"))
	if err != nil || len(found) != 1 {
		t.Fatalf("got %q and error %v, want one package", found, err)
	}
	return found[0]
}

// TestAPackageSaysWhatItIs looks into the Debian package without installing it.
func TestAPackageSaysWhatItIs(t *testing.T) {
	r := theRelease(t)
	name := deb(t, r, r.version)
	control := must(t, exec.Command("dpkg-deb", "--field", name))
	for _, want := range []string{"Package: medbook\n", "Version: 1.2.3\n", "Architecture: " + here.arch + "\n", "Depends: adduser, ca-certificates\n", "Maintainer: "} {
		if !strings.Contains(control, want) {
			t.Errorf("the package says\n%swant %q", control, want)
		}
	}
	var names []string
	for line := range strings.Lines(must(t, exec.Command("dpkg-deb", "--contents", name))) {
		f := strings.Fields(line)
		if f[1] != "root/root" {
			t.Errorf("not root's: %s", line)
		}
		if !strings.HasPrefix(line, "d") {
			names = append(names, f[0]+" "+f[5])
		}
	}
	slices.Sort(names)
	want := []string{
		"-rw-r--r-- ./etc/medbook/medbook.yaml",
		"-rw-r--r-- ./lib/systemd/system/medbook.service",
		"-rw-r--r-- ./usr/share/doc/medbook/CHANGELOG.md",
		"-rw-r--r-- ./usr/share/doc/medbook/THIRD-PARTY-NOTICES",
		"-rw-r--r-- ./usr/share/doc/medbook/copyright",
		"-rwxr-xr-x ./usr/bin/medbook",
	}
	if !slices.Equal(names, want) {
		t.Errorf("the package has\n%s\nwant\n%s", strings.Join(names, "\n"), strings.Join(want, "\n"))
	}
	for _, script := range []string{"postinst", "prerm", "postrm"} {
		must(t, exec.Command("sh", "-n", filepath.Join(repository, "deploy", "debian", script)))
	}
	r.stage = t.TempDir() // of the rest only the name matters
	for _, name := range []string{here.program(), noticesName} {
		if err := os.WriteFile(filepath.Join(r.stage, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for version, want := range map[string]string{"v2.0.0-rc.1": "2.0.0~rc.1", "v10.11.12": "10.11.12"} {
		if got := strings.TrimSpace(must(t, exec.Command("dpkg-deb", "--field", deb(t, r, version), "Version"))); got != want {
			t.Errorf("%s is %s for Debian, want %s, which sorts as it should", version, got, want)
		}
	}
}

// TestTheSettingsOfThePackageAreTheProgramsOwn has the program check the
// configuration that is installed, as it is and with all that is commented out.
func TestTheSettingsOfThePackageAreTheProgramsOwn(t *testing.T) {
	text := read(t, filepath.Join(repository, "deploy", "medbook.yaml"))
	var settings map[string]string
	if err := yaml.Unmarshal(text, &settings); err != nil {
		t.Fatal(err)
	}
	if settings["listen"] != "127.0.0.1:8080" || settings["database"] != "sqlite:/var/lib/medbook/medbook.db" || settings["keys"] != "/var/lib/medbook/medbook.keys" || len(settings) != 3 {
		t.Errorf("the settings are %q", settings)
	}
	commented := regexp.MustCompile(`(?m)^# ([a-z-]+: \S)`)
	if n := len(commented.FindAll(text, -1)); n < 5 {
		t.Errorf("found %d settings that are commented out; there are more", n)
	}
	for name, text := range map[string][]byte{"as it is": text, "with all settings": commented.ReplaceAll(text, []byte("$1"))} {
		file := filepath.Join(t.TempDir(), "medbook.yaml")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		check := exec.Command(theRelease(t).program(), "config", "--check", "--config", file)
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("%s: medbook config --check: %v\n%s", name, err, out)
		}
	}
}

// machine is this machine with everything that is written to it thrown away.
type machine struct {
	t *testing.T
	jail
}

// newMachine lays a file system over that of this machine.
func newMachine(t *testing.T) machine {
	t.Helper()
	sandbox(t)
	top := t.TempDir()
	mount(t, "none", top, "tmpfs", 0, "")
	t.Cleanup(func() { unmount(t, top) })
	folders(t, top, "upper", "work", "root")
	root := filepath.Join(top, "root")
	mount(t, "overlay", root, "overlay", 0, fmt.Sprintf("lowerdir=/,upperdir=%s/upper,workdir=%s/work", top, top))
	for _, name := range []string{"proc", "dev"} {
		mount(t, "/"+name, filepath.Join(root, name), "", syscall.MS_BIND|syscall.MS_REC, "")
	}
	mount(t, "none", filepath.Join(root, "run"), "tmpfs", 0, "") // no systemd runs there
	return machine{t, jail{root: root, env: []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive"}}}
}

// sh runs a command as root and returns what it prints.
func (m machine) sh(format string, args ...any) string {
	m.t.Helper()
	return must(m.t, m.command("/bin/sh", "-ec", fmt.Sprintf(format, args...)))
}

// path is where a file of the machine is.
func (m machine) path(name string) string { return filepath.Join(m.root, name) }

func (m machine) has(name string) bool {
	_, err := os.Lstat(m.path(name))
	return err == nil
}

// install installs a package and returns what is said meanwhile.
func (m machine) install(name string) string {
	m.t.Helper()
	if err := os.WriteFile(m.path("medbook.deb"), read(m.t, name), 0o644); err != nil {
		m.t.Fatal(err)
	}
	return m.sh("dpkg --install /medbook.deb 2>&1")
}

// user returns the numbers of the user medbook, which the machine must have.
func (m machine) user() (uid, gid uint32) {
	m.t.Helper()
	f := strings.Split(m.sh("getent passwd medbook"), ":")
	u, err := strconv.ParseUint(f[2], 10, 32)
	if err != nil || f[5] != "/var/lib/medbook" || !strings.HasSuffix(strings.TrimSpace(f[6]), "/nologin") {
		m.t.Fatalf("the user is %q", f)
	}
	g, err := strconv.ParseUint(f[3], 10, 32)
	if err != nil {
		m.t.Fatal(err)
	}
	return uint32(u), uint32(g)
}

// want fails unless a file is somebody's and has a mode.
func (m machine) want(name string, uid, gid uint32, mode fs.FileMode) {
	m.t.Helper()
	u, g, got := owner(m.t, m.path(name))
	if u != uid || g != gid || got != mode {
		m.t.Errorf("%s is of %d:%d with mode %o, want %d:%d and %o", name, u, g, got, uid, gid, mode)
	}
}

const enabled = "etc/systemd/system/multi-user.target.wants/medbook.service"

// TestThePackageInstallsAndGoes installs the Debian package by dpkg, upgrades it,
// removes it and purges it, on a copy of this machine without systemd running.
func TestThePackageInstallsAndGoes(t *testing.T) {
	r := theRelease(t)
	m := newMachine(t)
	if said := m.install(deb(t, r, r.version)); !strings.Contains(said, "installed and not running") {
		t.Errorf("a first installation says\n%s", said)
	}
	uid, gid := m.user()
	m.want("usr/bin/medbook", 0, 0, 0o755)
	m.want("etc/medbook", 0, gid, 0o750)
	m.want("etc/medbook/medbook.yaml", 0, 0, 0o644)
	m.want("lib/systemd/system/medbook.service", 0, 0, 0o644)
	m.want("var/lib/medbook", uid, gid, 0o700)
	if m.has(enabled) {
		t.Error("the server starts with the machine, and nobody has looked at its settings")
	}
	if conffiles := m.sh("dpkg-query --show --showformat '${Conffiles}' medbook"); !strings.Contains(conffiles, "/etc/medbook/medbook.yaml ") {
		t.Errorf("the settings are no conffile: %s", conffiles)
	}
	m.serve(uid, gid)

	// An upgrade keeps settings, data, and that it was enabled.
	m.sh("systemctl --quiet enable medbook.service && echo '# mine' >>/etc/medbook/medbook.yaml")
	if !m.has(enabled) {
		t.Error("systemctl enable does not enable it")
	}
	if said := m.install(deb(t, r, "v1.2.4")); strings.Contains(said, "not running") {
		t.Errorf("an upgrade says\n%s", said)
	}
	if !strings.HasSuffix(string(read(t, m.path("etc/medbook/medbook.yaml"))), "# mine\n") || !m.has(enabled) || !m.has("var/lib/medbook/medbook.db") {
		t.Error("the upgrade lost something")
	}
	m.want("etc/medbook", 0, gid, 0o750)

	// Removed, it no longer starts; its settings and data stay.
	m.sh("dpkg --remove medbook")
	if m.has("usr/bin/medbook") || m.has("lib/systemd/system/medbook.service") || m.has(enabled) || !m.has("etc/medbook/medbook.yaml") || !m.has("var/lib/medbook/medbook.db") {
		t.Error("removed: want settings and data, and nothing else")
	}
	said := m.sh("dpkg --purge medbook 2>&1")
	if m.has("etc/medbook/medbook.yaml") || !m.has("var/lib/medbook/medbook.keys") || !strings.Contains(said, "stay in /var/lib/medbook") {
		t.Errorf("purged: want data and nothing else; it says\n%s", said)
	}
	if again, _ := m.user(); again != uid {
		t.Errorf("the data is of user %d, who is gone", uid)
	}

	// Data goes only when somebody says so.
	m.install(deb(t, r, r.version))
	m.want("var/lib/medbook/medbook.db", uid, gid, 0o600)
	m.sh("MEDBOOK_PURGE=data dpkg --purge medbook")
	if m.has("var/lib/medbook") || m.sh("getent passwd medbook || echo gone") != "gone\n" {
		t.Error("purged with data: something stays")
	}
}

// serve starts the server as the unit does, but for systemd's fences, sees that
// it gets ready, and stops it.
func (m machine) serve(uid, gid uint32) {
	m.t.Helper()
	unit := string(read(m.t, m.path("lib/systemd/system/medbook.service")))
	setting := func(name string) string {
		found := regexp.MustCompile(`(?m)^` + name + `=(.*)$`).FindStringSubmatch(unit)
		if found == nil {
			m.t.Fatalf("the unit has no %s", name)
		}
		return found[1]
	}
	env := []string{setting("Environment"), "MEDBOOK_LISTEN=" + freeAddress(m.t)}
	service := jail{root: m.root, uid: uid, gid: gid, env: env}
	server := service.command(strings.Fields(setting("ExecStart"))...)
	server.Dir = setting("WorkingDirectory")
	var log bytes.Buffer
	server.Stdout, server.Stderr = &log, &log
	if err := server.Start(); err != nil {
		m.t.Fatal(err)
	}
	must(m.t, service.command(strings.Fields(setting("ExecStartPost"))...))
	if err := server.Process.Signal(syscall.SIGTERM); err != nil {
		m.t.Fatal(err)
	}
	if err := server.Wait(); err != nil {
		m.t.Errorf("the server ended with %v\n%s", err, log.String())
	}
	m.want("var/lib/medbook/medbook.db", uid, gid, 0o600)
	m.want("var/lib/medbook/medbook.keys", uid, gid, 0o600)
}

// mostExposed is how much of a system the unit may be able to reach, by systemd's
// measure: from 0, nothing, to 10, everything.
const mostExposed = 1.5

// TestTheUnitIsSoundAndFenced has systemd read the unit where it is installed. It
// can't be started on the build machine, where systemd does not run.
func TestTheUnitIsSoundAndFenced(t *testing.T) {
	r := theRelease(t)
	m := newMachine(t)
	m.install(deb(t, r, r.version))
	if said := m.sh("systemd-analyze verify medbook.service 2>&1"); strings.Contains(said, "medbook") {
		t.Errorf("systemd says of the unit:\n%s", said)
	}
	threshold := int(mostExposed * 10)
	said := m.sh("systemd-analyze security --offline=true --no-pager --threshold=%d medbook.service", threshold)
	verdict := regexp.MustCompile(`Overall exposure level for medbook.service: ([0-9.]+)`).FindStringSubmatch(said)
	if verdict == nil {
		t.Fatalf("systemd says no verdict:\n%s", said)
	}
	if level, err := strconv.ParseFloat(verdict[1], 64); err != nil || level > mostExposed {
		t.Errorf("the unit's exposure is %s, want at most %g", verdict[1], mostExposed)
	}
	t.Logf("exposure %s", verdict[1])
}
