// Package browser lets tests use Medbook's pages as a person does: in a real
// Chromium, by the names that a screen reader says, with the keyboard, in the
// dark, on a narrow screen, and without scripts.
//
// A test opens a Tab and tells it what to do. What can't be done fails the test
// with what the page showed. Beside that, each tab watches what nobody asked it
// to look at: requests to other origins, violations of the content security
// policy, uncaught exceptions, console errors, and files that are not there.
//
// The browser is started when the first tab is opened. It needs no TestMain: it
// ends with the tests' process, however that ends, and leaves no file behind.
// Only tests import this package.
package browser

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"
)

// patience is how long a tab waits for the page. It is long, for the machine may
// be busy, and only a test that fails ever waits so long.
const patience = time.Minute

// running is a browser.
type running struct {
	ctx  context.Context // of the browser, from which those of tabs are derived
	life io.Closer       // the remover's input, kept open until this process is gone; were it dropped, it would be closed as garbage
}

// chromium starts this process's browser.
var chromium = sync.OnceValues(func() (running, error) {
	path, err := program("chromium", "chromium-browser", "google-chrome")
	if err != nil {
		return running{}, err
	}
	folder, life, err := temporary()
	if err != nil {
		return running{}, err
	}
	allocator, _ := chromedp.NewExecAllocator(context.Background(), append(flags(folder), chromedp.ExecPath(path))...)
	// Newer Chromiums than the library send values that it does not know yet.
	ctx, _ := chromedp.NewContext(allocator, chromedp.WithErrorf(func(string, ...any) {}))
	if err := chromedp.Do(ctx); err != nil {
		return running{}, fmt.Errorf("start %s: %w", path, err)
	}
	return running{ctx, life}, nil
})

// program finds the first of names that is installed.
func program(names ...string) (string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("the tests of the pages need %s: run scripts/need.sh", names[0])
}

// remover is the shell script that waits until this process is gone, and removes
// the folder. The browser's helpers may still write there for a moment.
const remover = `
trap "" INT TERM HUP
read -r end
gone=0
for try in $(seq 100); do
	if [ -e "$0" ]; then gone=0; rm -rf "$0"; else gone=$((gone + 1)); fi
	[ $gone -lt 5 ] || exit 0
	sleep 0.1
done
`

// temporary returns a folder that is removed when this process is gone, and what
// the remover listens to.
func temporary() (folder string, life io.Closer, err error) {
	if folder, err = os.MkdirTemp("", "medbook-chromium"); err != nil {
		return "", nil, err
	}
	cmd := exec.Command("sh", "-c", remover, folder)
	if life, err = cmd.StdinPipe(); err != nil {
		return "", nil, err
	}
	return folder, life, cmd.Start()
}

// flags are how the browser is started: alone, silent, and the same on every machine.
func flags(folder string) []chromedp.ExecAllocatorOption {
	all := []chromedp.ExecAllocatorOption{
		chromedp.UserDataDir(folder),
		chromedp.Env("HOME="+folder, "TZ=UTC"), // settings and crash reports of whoever runs the tests stay as they are
		chromedp.NoFirstRun,
		chromedp.NoDefaultBrowserCheck,
		chromedp.DisableGPU,
		chromedp.Flag("headless", "new"),
		chromedp.Flag("hide-scrollbars", true), // a tab is as wide as it says
		// Whatever a page asks for, nothing leaves the machine.
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE [::1]"),
		chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("force-color-profile", "srgb"),
		chromedp.Flag("font-render-hinting", "none"),
		chromedp.Flag("password-store", "basic"),
	}
	for _, off := range []string{
		"quic", "background-networking", "component-update", "sync", "breakpad", "default-apps", "extensions",
		"dev-shm-usage",                                                                           // often too small in containers
		"background-timer-throttling", "backgrounding-occluded-windows", "renderer-backgrounding", // no tab is in front
	} {
		all = append(all, chromedp.Flag("disable-"+off, true))
	}
	if os.Getuid() == 0 {
		all = append(all, chromedp.NoSandbox) // it does not start otherwise
	}
	return all
}

// call runs a command of the browser's protocol in the tab.
func call[P, R any](tab *Tab, cmd cdp.Command[P, R], params P) (R, error) {
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	return chromedp.Call(ctx, cmd, params)
}

// must is call for what does not fail unless the browser is gone.
func must[P, R any](tab *Tab, cmd cdp.Command[P, R], params P) R {
	tab.t.Helper()
	result, err := call(tab, cmd, params)
	if err != nil {
		tab.fail("%s: %v", cmd.Method, err)
	}
	return result
}
