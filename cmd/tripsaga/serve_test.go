package main

import (
	"net"
	"strings"
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

func TestTheStepFunctionsAPIListensOnLoopback(t *testing.T) {
	l, err := listenLoopback("localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for addr, want := range map[string]string{
		":0": "not a loopback address", "0.0.0.0:0": "not a loopback address", "[::]:0": "not a loopback address",
		"192.0.2.1:0": "not a loopback address", "127.0.0.1": "missing port", l.Addr().String(): "port 0 chooses a free one",
	} {
		if _, err := listenLoopback(addr); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", addr, err, want)
		}
	}
}
