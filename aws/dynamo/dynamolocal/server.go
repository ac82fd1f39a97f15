// Package dynamolocal runs the official DynamoDB Local, for tests and for a server that shows production's shape on one
// machine.
package dynamolocal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// HomeVariable is the environment variable with the folder in which DynamoDB Local is installed.
const HomeVariable = "TRIPSAGA_DYNAMODB_LOCAL"

// ErrNotSetUp means that DynamoDB Local, or Java, is not installed. Its text says what to do.
var ErrNotSetUp = errors.New("DynamoDB Local is not set up: run `make dynamodb-local`, or give the address of one in DYNAMODB_ENDPOINT")

// Options of a server. The zero value is a server in memory.
type Options struct {
	Home string    // the folder above lib; "" means that of HomeVariable, or else .aws/tools/dynamodb-local in the module
	Dir  string    // where the tables are kept; "" keeps them in memory
	Log  io.Writer // gets what the server prints; nil drops it
}

// Server is a running DynamoDB Local. It ends with this process, however that ends.
type Server struct {
	Endpoint string // its URL

	stdin io.Closer
	ended chan struct{} // closed when the server has ended
	err   error         // how, once ended is closed
}

// startAllowed is how long a server may take until it answers: two seconds, and many times that on a busy machine.
const startAllowed = 2 * time.Minute

// Start starts a server on a free port of this machine and returns once it answers. ctx ends the wait, not the server.
// Errors: [ErrNotSetUp]; one with the server's last words when it ended by itself.
func Start(ctx context.Context, opt Options) (*Server, error) {
	home, err := findHome(opt.Home)
	if err != nil {
		return nil, err
	}
	java, err := exec.LookPath("java")
	if err != nil {
		return nil, fmt.Errorf("%w (%w)", ErrNotSetUp, err)
	}
	port, err := freePort()
	if err != nil {
		return nil, fmt.Errorf("dynamolocal: finding a free port: %w", err)
	}
	s := &Server{Endpoint: "http://127.0.0.1:" + strconv.Itoa(port), ended: make(chan struct{})}
	words := &tail{to: opt.Log}
	if err := s.run(command(java, home, port, opt.Dir), words); err != nil {
		return nil, fmt.Errorf("dynamolocal: starting %s: %w", java, err)
	}
	ctx, cancel := context.WithTimeout(ctx, startAllowed)
	defer cancel()
	if err := s.answers(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("dynamolocal: the server does not answer: %w; its last words: %s", err, words), s.Close())
	}
	return s, nil
}

func findHome(home string) (string, error) {
	if home == "" {
		home = os.Getenv(HomeVariable)
	}
	if home == "" {
		root, err := moduleRoot()
		if err != nil {
			return "", err
		}
		home = filepath.Join(root, ".tools", "dynamodb-local")
	}
	jars, err := filepath.Glob(filepath.Join(home, "lib", "DynamoDBLocal*.jar"))
	if err != nil || len(jars) == 0 {
		return "", fmt.Errorf("%w (nothing in %s)", ErrNotSetUp, filepath.Join(home, "lib"))
	}
	return filepath.Abs(home)
}

// moduleRoot is the folder with go.mod, at or above the current one.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if filepath.Dir(dir) == dir {
			return "", fmt.Errorf("%w (there is no go.mod above this folder, and %s is not set)", ErrNotSetUp, HomeVariable)
		}
		dir = filepath.Dir(dir)
	}
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// watch runs the command that is its arguments, and ends it when its own standard input ends: that is when this
// process closes the pipe, or is no more. A terminal's interrupt is not for the server: who started it closes it.
const watch = `trap '' INT HUP
exec 3<&0
"$@" </dev/null 3<&- & server=$!
{ cat <&3 >/dev/null; kill $server; } >/dev/null 2>&1 &
exec 3<&-
wait $server`

// The server is used for minutes, by few: a small heap, and code that starts fast rather than runs fast.
func command(java, home string, port int, dir string) *exec.Cmd {
	lib := filepath.Join(home, "lib")
	args := []string{
		"-c", watch, "sh", java, "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto",
		"-Djava.library.path=" + lib, "-cp", filepath.Join(lib, "*"),
		"com.amazonaws.services.dynamodbv2.local.main.ServerRunner",
		"-port", strconv.Itoa(port), "-sharedDb", "-disableTelemetry",
	}
	if dir == "" {
		return exec.Command("sh", append(args, "-inMemory")...)
	}
	return exec.Command("sh", append(args, "-dbPath", dir)...)
}

func (s *Server) run(cmd *exec.Cmd, output io.Writer) (err error) {
	if s.stdin, err = cmd.StdinPipe(); err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		s.err = cmd.Wait()
		close(s.ended)
	}()
	return nil
}

// answers returns once the server answers HTTP at all, or with the reason why it never will.
func (s *Server) answers(ctx context.Context) error {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Endpoint, nil)
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			return resp.Body.Close()
		}
		select {
		case <-ticker.C:
		case <-s.ended:
			return fmt.Errorf("it ended: %w", s.err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Close stops the server and returns when it has ended. A second call does nothing.
func (s *Server) Close() error {
	if err := s.stdin.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	<-s.ended
	return nil
}

// Client is a new client of the server.
func (s *Server) Client() *dynamodb.Client { return Client(s.Endpoint) }

// Client returns a client of the DynamoDB Local at this URL, which any process may have started.
func Client(endpoint string) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		BaseEndpoint: &endpoint,
		Region:       "us-east-1",
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		}),
	})
}

const tailBytes = 4 << 10

// tail passes on what is written and keeps the end of it.
type tail struct {
	to io.Writer

	mu  sync.Mutex
	end []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	t.end = append(t.end, p...)
	t.end = t.end[max(0, len(t.end)-tailBytes):]
	t.mu.Unlock()
	if t.to == nil {
		return len(p), nil
	}
	return t.to.Write(p)
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.end)
}
