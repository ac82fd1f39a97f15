package stripe

import (
	"strings"
	"testing"
)

func TestKeys(t *testing.T) {
	for _, tt := range []struct {
		key  string
		live bool
		want string // part of the error; "" is accepted
	}{
		{"sk_test_123", false, ""},
		{"rk_test_51Abc", false, ""},
		{"sk_live_123", true, ""},
		{"rk_live_123", true, ""},
		{"rk_test_123", true, ""},
		{"", false, "is missing"},
		{"pk_test_Secret", false, "publishable"},
		{"pk_live_Secret", true, "publishable"},
		{"sk_live_Secret", false, "live mode"},
		{"rk_live_Secret", false, "live mode"},
		{"Secret", false, "is not a key of Stripe"},
		{"sk_test_Secret\n", false, "is not a key of Stripe"},
		{" sk_test_Secret", false, "is not a key of Stripe"},
		{"whsec_Secret", false, "is not a key of Stripe"},
		{"sk_test_", false, "is not a key of Stripe"},
	} {
		_, err := New(Options{Key: tt.key, Live: tt.live})
		if (err == nil) != (tt.want == "") || err != nil && (!strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "Secret")) {
			t.Errorf("%q, live %v: %v, want %q", tt.key, tt.live, err, tt.want)
		}
	}
}

func TestURLs(t *testing.T) {
	for url, want := range map[string]bool{
		"": true, "http://127.0.0.1:12111": true, "http://localhost:12111/": true, "http://[::1]:1": true, "https://stripe.example.com": true,
		"http://stripe.example.com": false, "http://10.0.0.1:1": false, "http://localhost.example.com": false, "127.0.0.1:12111": false,
		"ftp://127.0.0.1": false, "http://user:pass@127.0.0.1": false, "http://127.0.0.1/v1": false, "http://127.0.0.1?a=b": false, "%": false,
		"http://localhost:99999": false, "http://localhost:0": false, "http://localhost:": false, "http://127.0.0.1:65536": false,
		"http://localhost:65535": true, "https://:443": false, "http://localhost": true,
	} {
		if _, err := New(Options{Key: key, BaseURL: url}); (err == nil) != want {
			t.Errorf("%q: %v", url, err)
		}
	}
	if _, err := New(Options{Key: "sk_live_1", Live: true, BaseURL: "https://stripe.example.com"}); err == nil {
		t.Error("a live key is sent elsewhere")
	}
}
