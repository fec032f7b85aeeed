// Command provider is an OpenID provider for the tests: zitadel's, with a client
// and a user of ours. It prints its address, rotates its key for each line "rotate"
// on its standard input, and ends with it.
package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"flag"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/op"
)

func main() {
	client := flag.String("client", "", "id of the client")
	secret := flag.String("secret", "", "its secret")
	redirect := flag.String("redirect", "", "where it has people sent back to")
	flag.Parse()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	issuer := "http://" + listener.Addr().String()
	storage.RegisterClients(storage.WebClient(*client, *secret, *redirect))
	s := &rotating{Storage: storage.NewStorage(storage.NewUserStore(issuer))}
	s.rotate()
	handler := exampleop.SetupServer(issuer, s, slog.New(slog.DiscardHandler), false)
	go func() { log.Fatal(http.Serve(listener, handler)) }()
	fmt.Println(issuer)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		if strings.TrimSpace(in.Text()) == "rotate" {
			s.rotate()
			fmt.Println("rotated")
		}
	}
}

// rotating is a storage whose signing key changes. Keys that it had are gone.
type rotating struct {
	*storage.Storage

	mu  sync.Mutex
	n   int
	key *rsa.PrivateKey
}

func (s *rotating) rotate() {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		log.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	s.key = key
}

func (s *rotating) present() key {
	s.mu.Lock()
	defer s.mu.Unlock()
	return key{fmt.Sprintf("key-%d", s.n), s.key}
}

// SigningKey returns the key of the moment.
func (s *rotating) SigningKey(context.Context) (op.SigningKey, error) { return s.present(), nil }

// KeySet returns it too, for who verifies.
func (s *rotating) KeySet(context.Context) ([]op.Key, error) {
	return []op.Key{public{s.present()}}, nil
}

// key signs.
type key struct {
	id      string
	private *rsa.PrivateKey
}

func (k key) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k key) Key() any                                    { return k.private }
func (k key) ID() string                                  { return k.id }

// public verifies.
type public struct{ key }

func (p public) Algorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (p public) Use() string                        { return "sig" }
func (p public) Key() any                           { return &p.private.PublicKey }
