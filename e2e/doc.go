// Package e2e tests the program through its front door: it builds the binary,
// starts it on a fresh database of either engine, and speaks HTTP to it through
// package client. An independent validator checks every exchange against the
// OpenAPI document that the server itself gives out.
//
// The binary is built with the tag testclock, so that a test sets the time. It
// has the race detector when the tests have it.
package e2e
