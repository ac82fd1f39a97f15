package stripe

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"tripsaga/shared/pattern"
)

var secretKey = pattern.New(`^(sk|rk)_(test|live)_[A-Za-z0-9_]{1,250}$`)

// checkKey refuses a text that is not a secret key, and a key of live mode unless live is true. Its errors do not repeat the
// key.
func checkKey(key string, live bool) error {
	switch {
	case key == "":
		return errors.New("the key of Stripe is missing: give a restricted key (rk_test_...) or a secret one (sk_test_...)")
	case strings.HasPrefix(key, "pk_"):
		return errors.New("the key of Stripe is a publishable one (pk_...), which moves no money: give a restricted key (rk_test_...) or a secret one (sk_test_...)")
	case !secretKey().MatchString(key):
		return errors.New("the key is not a key of Stripe: keys begin with rk_test_, sk_test_, rk_live_ or sk_live_ and have letters, digits and underscores")
	case isLive(key) && !live:
		return errors.New("the key of Stripe is of live mode and would move real money, which has to be allowed explicitly")
	}
	return nil
}

func isLive(key string) bool { return strings.Contains(key[:min(len(key), 8)], "_live_") }

// checkURL accepts "", https, and http on loopback. A key that may be of live mode goes to Stripe alone.
func checkURL(base string, live bool) error {
	if base == "" {
		return nil
	}
	u, err := url.Parse(base)
	switch {
	case err != nil || u.Hostname() == "" || !port(u) || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("the URL of Stripe is not SCHEME://HOST:PORT, such as http://127.0.0.1:12111")
	case live:
		return fmt.Errorf("the URL of Stripe %s: where live keys are allowed, they go to Stripe alone; leave the URL out", base)
	case u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname()):
		return nil
	}
	return fmt.Errorf("the URL of Stripe %s: allowed is https, and http on loopback such as http://127.0.0.1:12111", base)
}

// port reports whether the URL has a valid port or no port.
func port(u *url.URL) bool {
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && n > 0 || u.Port() == "" && !strings.HasSuffix(u.Host, ":")
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
