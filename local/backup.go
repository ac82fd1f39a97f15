package local

import (
	"context"
	crand "crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tripsaga/table/embedded"
)

// A running server makes copies of its store for `tripsaga backup`. It listens for that at a loopback address of its own, so
// that nothing of it can be reached by the public API's address, and takes calls with a token only. Address and token are in
// the file SERVER in the data folder, which its owner alone may read: whoever may read the store may copy it.

// serverFile is removed at a clean stop. After a kill it is left behind, which is harmless: who finds the folder unlocked
// needs no server.
const serverFile = "SERVER"

type serverAddress struct {
	Address string `json:"address"`
	Token   string `json:"token"`
}

// backupCall asks for a copy in folder Dir, which must not exist; the answer is a backupMade.
type backupCall struct {
	Dir string `json:"dir"`
}

type backupMade struct {
	Change uint64 `json:"change,omitempty"` // what the copy holds at least
	Error  string `json:"error,omitempty"`
}

// ServeBackups lets [Backup] copy the store while the system is open. stop ends that.
func (s *System) ServeBackups(log *slog.Logger) (stop func() error, err error) {
	dir := s.Store.Dir()
	if dir == "" {
		return func() error { return nil }, nil
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening for backups: %w", err)
	}
	known := serverAddress{Address: listener.Addr().String(), Token: crand.Text()}
	data, err := json.Marshal(known)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, serverFile)
	_ = os.Remove(path) // one that was left behind may have another mode
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	server := &http.Server{Handler: backups{s, known.Token, log}, ReadHeaderTimeout: 5 * time.Second, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	go server.Serve(listener) // ends with Close
	return func() error { return errors.Join(os.Remove(path), server.Close()) }, nil
}

type backups struct {
	sys   *System
	token string
	log   *slog.Logger
}

func (b backups) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if r.Method != http.MethodPost || r.Header.Get("Origin") != "" || subtle.ConstantTimeCompare([]byte(token), []byte(b.token)) != 1 {
		http.Error(w, "forbidden", http.StatusForbidden)
		return
	}
	var call backupCall
	if err := json.NewDecoder(io.LimitReader(r.Body, 1<<16)).Decode(&call); err != nil || !filepath.IsAbs(call.Dir) {
		http.Error(w, "want the absolute path of a folder", http.StatusBadRequest)
		return
	}
	change, err := b.sys.Store.Checkpoint(r.Context(), call.Dir)
	made := backupMade{Change: change}
	if err != nil {
		made.Error = err.Error()
		b.log.Warn("a backup failed", "folder", call.Dir, "error", made.Error)
	}
	_ = json.NewEncoder(w).Encode(made) // a client that is gone needs no answer
}

// BackupResult is what a backup holds.
type BackupResult struct {
	Folder string `json:"folder"`
	embedded.Summary
}

// Backup copies the store in folder data to folder to, which must be missing or empty, and reads the copy through. The
// store may be that of a running server. The copy holds all that was acknowledged before the call. With salvage it is of a
// store that does not open, and holds what can be read. When something fails, or ctx ends, there is no folder to.
func Backup(ctx context.Context, data, to string, salvage bool) (result BackupResult, err error) {
	data, to, err = backupPlaces(data, to)
	if err != nil {
		return result, err
	}
	part, err := os.MkdirTemp(filepath.Dir(to), "."+filepath.Base(to)+".incomplete-")
	if err != nil {
		return result, fmt.Errorf("%w: %w", ErrBackupPlace, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(part)) }()
	store := filepath.Join(part, "store")
	var change uint64
	if salvage {
		err = embedded.CopyFiles(ctx, data, store)
	} else {
		change, err = checkpoint(ctx, data, store)
	}
	if err != nil {
		return result, err
	}
	if result.Summary, err = embedded.Complete(ctx, store, change); err != nil {
		return result, fmt.Errorf("the copy cannot be read: %w", err)
	}
	result.Folder = to
	return result, moveInPlace(store, to)
}

// ErrBackupNoServer tells that nobody listens where the folder says that its server does.
var ErrBackupNoServer = errors.New("the data folder is in use, and its server makes no copy yet or any more: try again in a moment")

// ErrBackupPlace tells that the data folder is none, or that there can be no backup where it was wanted.
var ErrBackupPlace = errors.New("backup")

// backupPlaces returns both places without symbolic links, as a link may lead into the data folder. The parent of to is
// there then, and to is not: a folder that cannot be removed, such as a mount point, could not be replaced at the end.
func backupPlaces(data, to string) (realData, realTo string, err error) {
	if _, err := os.Stat(filepath.Join(data, "LOCK")); err != nil {
		return "", "", fmt.Errorf("%w: --data %s is no data folder of tripsaga serve: %w", ErrBackupPlace, data, err)
	}
	place := func(err error) (string, string, error) { return "", "", fmt.Errorf("%w: %w", ErrBackupPlace, err) }
	if realData, err = filepath.EvalSymlinks(data); err != nil {
		return place(err)
	}
	if realTo, err = withoutLinks(to); err != nil {
		return place(err)
	}
	if rel, err := filepath.Rel(realData, realTo); err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return "", "", fmt.Errorf("%w: %s is in the data folder %s; name one elsewhere, best on another disk", ErrBackupPlace, to, data)
	}
	entries, err := os.ReadDir(realTo)
	switch {
	case len(entries) > 0:
		return "", "", fmt.Errorf("%w: %s is not empty (it has %q); name a new folder", ErrBackupPlace, to, entries[0].Name())
	case err == nil:
		err = os.Remove(realTo)
	case errors.Is(err, os.ErrNotExist):
		err = os.MkdirAll(filepath.Dir(realTo), 0o700)
	}
	if err != nil {
		return "", "", fmt.Errorf("%w: %w; name a new folder in one that may be written to", ErrBackupPlace, err)
	}
	return realData, realTo, nil
}

// withoutLinks resolves the part of path that exists. A link that leads nowhere is an error.
func withoutLinks(path string) (string, error) {
	if _, err := os.Lstat(path); err == nil || !errors.Is(err, os.ErrNotExist) {
		return filepath.EvalSymlinks(path)
	}
	if filepath.Dir(path) == path {
		return path, nil
	}
	parent, err := withoutLinks(filepath.Dir(path))
	return filepath.Join(parent, filepath.Base(path)), err
}

// checkpoint copies a store that nobody has open by itself, and asks the server for one that is running.
func checkpoint(ctx context.Context, data, to string) (change uint64, err error) {
	s, err := embedded.Open(data, embedded.Options{})
	if errors.Is(err, embedded.ErrInUse) {
		return askServer(ctx, data, to)
	}
	if err != nil {
		return 0, err
	}
	change, err = s.Checkpoint(ctx, to)
	return change, errors.Join(err, s.Close())
}

func askServer(ctx context.Context, data, to string) (change uint64, err error) {
	text, err := os.ReadFile(filepath.Join(data, serverFile))
	var server serverAddress
	if err == nil {
		err = json.Unmarshal(text, &server)
	}
	if err != nil {
		return 0, fmt.Errorf("data folder %s is in use, and there is no server that makes backups (%w): stop the process that has it open", data, err)
	}
	body, err := json.Marshal(backupCall{Dir: to})
	if err != nil {
		return 0, err
	}
	call, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+server.Address+"/", strings.NewReader(string(body)))
	if err != nil {
		return 0, err
	}
	call.Header.Set("Authorization", "Bearer "+server.Token)
	answer, err := http.DefaultClient.Do(call)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrBackupNoServer, err)
	}
	defer answer.Body.Close()
	var made backupMade
	if err := json.NewDecoder(answer.Body).Decode(&made); err != nil || answer.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("the server at %s did not make a copy: %s", server.Address, answer.Status)
	}
	if made.Error != "" {
		return 0, errors.New("the server did not make a copy: " + made.Error)
	}
	return made.Change, nil
}

// moveInPlace gives the copy its name, which is the last step.
func moveInPlace(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	parent, err := os.Open(filepath.Dir(to))
	if err != nil {
		return err
	}
	return errors.Join(parent.Sync(), parent.Close())
}
