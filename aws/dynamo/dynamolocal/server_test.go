package dynamolocal_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tripsaga/aws/dynamo"
	"tripsaga/aws/dynamo/dynamolocal"
	"tripsaga/aws/dynamo/dynamotest"
	"tripsaga/table"
)

// childVariable makes this test's own binary a process that starts a server, prints its address and waits.
const childVariable = "DYNAMOLOCAL_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) == "" {
		dynamotest.Main(m)
	}
	server, err := dynamolocal.Start(context.Background(), dynamolocal.Options{})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(server.Endpoint)
	select {}
}

func start(t *testing.T, opt dynamolocal.Options) *dynamolocal.Server {
	t.Helper()
	dynamolocal.NeedServer(t)
	server, err := dynamolocal.Start(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	return server
}

// ended blocks until the connection ends, which is when the server does; by itself the server would end it, unused, after
// 30 seconds.
func ended(t *testing.T, c net.Conn) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(25 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the server goes on: %v", err)
	}
}

func dial(t *testing.T, endpoint string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(endpoint, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// TestDirKeepsTables writes to a server on disk and reads from the next one.
func TestDirKeepsTables(t *testing.T) {
	opt := dynamolocal.Options{Dir: t.TempDir()}
	it := table.Item{Key: table.Key{PK: "a", SK: "b"}, Version: 5}
	server := start(t, opt)
	if err := dynamo.CreateTable(t.Context(), server.Client(), "kept"); err != nil {
		t.Fatal(err)
	}
	if err := dynamo.New(server.Client(), "kept", dynamo.Options{}).Transact(t.Context(), table.Put(it, table.None)); err != nil {
		t.Fatal(err)
	}
	c := dial(t, server.Endpoint)
	if err := errors.Join(server.Close(), server.Close()); err != nil {
		t.Fatal(err)
	}
	ended(t, c)
	server = start(t, opt)
	got, ok, err := dynamo.New(server.Client(), "kept", dynamo.Options{}).Get(t.Context(), it.Key)
	if err != nil || !ok || got.Version != 5 {
		t.Errorf("Get: %+v, ok %v, error %v", got, ok, err)
	}
	if err := server.Close(); err != nil {
		t.Error(err)
	}
}

// TestServerEndsWithItsParent kills the process that started a server.
func TestServerEndsWithItsParent(t *testing.T) {
	dynamolocal.NeedServer(t)
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childVariable+"=1")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	endpoint, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(endpoint, "http") {
		t.Fatalf("the child says %q, error %v", endpoint, err)
	}
	c := dial(t, strings.TrimSpace(endpoint))
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_, _ = child.Process.Wait()
	ended(t, c)
}

func TestNotSetUp(t *testing.T) {
	home := t.TempDir()
	_, err := dynamolocal.Start(t.Context(), dynamolocal.Options{Home: home})
	if !errors.Is(err, dynamolocal.ErrNotSetUp) || !strings.Contains(err.Error(), home) || !strings.Contains(err.Error(), "make dynamodb-local") {
		t.Errorf("Start: %v", err)
	}
	t.Setenv(dynamolocal.HomeVariable, home)
	if _, err := dynamolocal.Start(t.Context(), dynamolocal.Options{}); !errors.Is(err, dynamolocal.ErrNotSetUp) {
		t.Errorf("Start with %s: %v", dynamolocal.HomeVariable, err)
	}
	t.Setenv(dynamolocal.HomeVariable, "")
	t.Chdir(home)
	if _, err := dynamolocal.Start(t.Context(), dynamolocal.Options{}); !errors.Is(err, dynamolocal.ErrNotSetUp) {
		t.Errorf("Start outside of the module: %v", err)
	}
}

// TestServerThatEndsAtOnce wants the error to say what the server said.
func TestServerThatEndsAtOnce(t *testing.T) {
	if _, err := exec.LookPath("java"); err != nil {
		t.Skip(err)
	}
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, "lib"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, "lib", "DynamoDBLocal-0.jar"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	_, err := dynamolocal.Start(t.Context(), dynamolocal.Options{Home: home, Log: &log})
	if err == nil || !strings.Contains(err.Error(), "ServerRunner") || !strings.Contains(log.String(), "ServerRunner") {
		t.Errorf("Start: %v, log %q", err, log.String())
	}
}

// TestContextEndsTheWait wants no server to be left behind.
func TestContextEndsTheWait(t *testing.T) {
	dynamolocal.NeedServer(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := dynamolocal.Start(ctx, dynamolocal.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Start: %v", err)
	}
}

func TestNames(t *testing.T) {
	if a, b := dynamotest.Name(t), dynamotest.Name(t); a == b {
		t.Errorf("two tables are called %s", a)
	}
}
