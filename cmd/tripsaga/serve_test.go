package main

import (
	"net"
	"testing"
)

func TestServedAddress(t *testing.T) {
	outside := &net.TCPAddr{IP: net.IPv6zero, Port: 8081}
	for given, want := range map[string]string{
		"0.0.0.0:8081": "0.0.0.0:8081", "localhost:0": "localhost:8081", "[::1]:": "[::1]:8081", ":8081": ":8081", "": "[::]:8081",
	} {
		if got := (&serveCmd{Addr: given}).address(outside); got != want {
			t.Errorf("%q: %s, want %s", given, got, want)
		}
	}
	if loopback(outside) || !loopback(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}) {
		t.Error("loopback is not told from outside")
	}
}
