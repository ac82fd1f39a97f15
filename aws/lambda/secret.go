package lambda

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// secret is a key in Secrets Manager. A process reads it once at its start, and again when the key is refused. Its text is
// never logged.
type secret struct {
	read  func(context.Context) (string, error)
	check func(key string) error // its errors do not have the key
	now   func() time.Time
	log   *slog.Logger

	mu  sync.Mutex
	key string
	at  time.Time // of the last reading
}

// rereadAfter is how long a key that is refused is not read again, so that a wrong one does not cause a reading for each
// call.
const rereadAfter = time.Minute

// reader reads the secret that the settings name.
func (c *config) reader() func(context.Context) (string, error) {
	client := secretsmanager.New(secretsmanager.Options{
		Region: c.region, Credentials: c.credentials(), BaseEndpoint: endpoint(c.endpointSecrets),
		HTTPClient: awshttp.NewBuildableClient().WithTimeout(attemptAllowed),
	})
	return func(ctx context.Context) (string, error) {
		out, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &c.stripeSecret})
		if err != nil {
			return "", err
		}
		return strings.TrimSpace(aws.ToString(out.SecretString)), nil
	}
}

// renew reads the key. One that cannot be used is not taken.
func (s *secret) renew(ctx context.Context) error {
	s.at = s.now()
	key, err := s.read(ctx)
	if err == nil {
		err = s.check(key)
	}
	if err == nil {
		s.key = key
	}
	return err
}

// current returns the key.
func (s *secret) current() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.key
}

// other returns another key than one that was refused; ok is false if there is none, or if it was read within the last
// minute.
func (s *secret) other(ctx context.Context, refused string) (key string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.key == refused && s.now().Sub(s.at) >= rereadAfter {
		if err := s.renew(ctx); err != nil {
			s.log.WarnContext(ctx, "the payment provider refuses its key, and the secret has no other", "error", err)
		}
	}
	return s.key, s.key != refused
}

// keyed sends each request with the current key. One that is refused for its key did nothing, so it is sent once more if
// the secret has another by now.
type keyed struct {
	secret *secret
	send   http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (k keyed) RoundTrip(r *http.Request) (*http.Response, error) {
	key := k.secret.current()
	answer, err := k.send.RoundTrip(bearing(r, key))
	if err != nil || answer.StatusCode != http.StatusUnauthorized {
		return answer, err
	}
	fresh, ok := k.secret.other(r.Context(), key)
	if !ok || r.Body != nil && r.GetBody == nil {
		return answer, nil
	}
	again := bearing(r, fresh)
	if r.GetBody != nil {
		if again.Body, err = r.GetBody(); err != nil {
			return answer, nil
		}
	}
	answer.Body.Close()
	return k.send.RoundTrip(again)
}

func bearing(r *http.Request, key string) *http.Request {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+key)
	return r
}
