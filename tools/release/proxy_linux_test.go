package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestNginxStandsBeforeIt starts nginx with the settings that docs/how-to/install.md
// shows, and the server behind it. A client that claims to have come without TLS is
// not believed.
func TestNginxStandsBeforeIt(t *testing.T) {
	folder, front, back := t.TempDir(), freeAddress(t), freeAddress(t)
	start(t, exec.Command(theRelease(t).program(), "serve", "--listen", back, "--trusted-proxies=127.0.0.1", "--public-url=https://clinic.example",
		"--database=sqlite:"+filepath.Join(folder, "medbook.db")))
	must(t, exec.Command(theRelease(t).program(), "health", "--listen", back, "--wait=2m"))

	roots := certify(t, folder)
	shown := regexp.MustCompile("(?s)```nginx\n(.*?)```").FindSubmatch(read(t, filepath.Join(repository, "docs", "how-to", "install.md")))
	if shown == nil {
		t.Fatal("docs/how-to/install.md shows no settings of nginx")
	}
	server := strings.NewReplacer("listen 443", "listen "+front, "/etc/letsencrypt/live/clinic.example", folder, "127.0.0.1:8080", back).Replace(string(shown[1]))
	settings := filepath.Join(folder, "nginx.conf")
	text := fmt.Sprintf("daemon off;\npid %[1]s/pid;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\nclient_body_temp_path %[1]s/1;\nproxy_temp_path %[1]s/2;\nfastcgi_temp_path %[1]s/3;\nuwsgi_temp_path %[1]s/4;\nscgi_temp_path %[1]s/5;\n%[2]s}\n", folder, server)
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, exec.Command("nginx", "-e", "stderr", "-c", settings))

	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "clinic.example"},
	}}
	defer client.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+front+"/account/sign-in", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "clinic.example"
	r.Header.Set("X-Forwarded-Proto", "http")
	must(t, exec.Command("curl", "--silent", "--show-error", "--retry", "60", "--retry-connrefused", "--retry-delay", "1", "--insecure", "--output", os.DevNull, "https://"+front+"/"))
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("through nginx the answer is %s, %v; want 200, and Medbook to know of TLS", answer.Status, answer.Header)
	}
}

// start starts a program that ends with the test.
func start(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := cmd.Process.Signal(syscall.SIGTERM)
		if waited := cmd.Wait(); err != nil || waited != nil {
			t.Errorf("%s ended with %v, %v\n%s", cmd.Path, err, waited, said.String())
		}
	})
}

// certify writes a key and a certificate for clinic.example into folder, under
// the names that certbot gives them.
func certify(t *testing.T, folder string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	mold := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"clinic.example"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, mold, mold, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	for name, block := range map[string]*pem.Block{"fullchain.pem": {Type: "CERTIFICATE", Bytes: cert}, "privkey.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		text := pem.EncodeToMemory(block)
		roots.AppendCertsFromPEM(text)
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return roots
}
