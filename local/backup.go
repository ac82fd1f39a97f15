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

// A running server copies its store for `tripsaga backup`. It listens for such calls at a separate loopback address, so that
// they cannot be reached at the address of the public API, and requires a token. Address and token are in the file SERVER in
// the data folder, which only its owner may read: a user who may read the store may copy it.

// serverFile is removed at a clean stop. After a kill it stays, which is harmless: a backup of a folder without a lock does
// not call the server.
const serverFile = "SERVER"

type serverAddress struct {
	Address string `json:"address"`
	Token   string `json:"token"`
}

// backupCall requests a copy in folder Dir, which must not exist. The reply is a backupMade.
type backupCall struct {
	Dir string `json:"dir"`
}

type backupMade struct {
	Change uint64 `json:"change,omitempty"` // the last change that the copy is certain to hold
	Error  string `json:"error,omitempty"`
}

// ServeBackups lets [Backup] copy the store while the system is open, until stop is called.
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
	_ = os.Remove(path) // a file left by a killed server may have another mode
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
	_ = json.NewEncoder(w).Encode(made) // a client that is gone needs no reply
}

// BackupResult describes a backup.
type BackupResult struct {
	Folder string `json:"folder"`
	embedded.Summary
}

// Backup copies the store in folder data to folder to, which must be missing or empty, and reads the whole copy. The store
// may be in use by a server. The copy holds everything that was acknowledged before the call. With salvage, the store
// need not open, and the copy holds what can be read. If something fails, or ctx ends, the folder to does not exist.
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

// ErrBackupNoServer means that no server listens at the address in the data folder.
var ErrBackupNoServer = errors.New("the data folder is in use, and its server makes no copy yet or any more: try again in a moment")

// ErrBackupPlace means that the data folder is not one, or that the backup cannot be made at its place.
var ErrBackupPlace = errors.New("backup")

// backupPlaces returns both paths without symbolic links, since a link may lead into the data folder. It creates the parent
// of to and removes an empty folder to: a folder that cannot be removed, such as a mount point, could not be replaced at
// the end.
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

// withoutLinks resolves the links in the part of path that exists. A link to a missing file is an error.
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

// checkpoint copies a store that no process has open. If a server has it open, checkpoint calls the server.
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

// moveInPlace renames the copy, as the last step, and makes the rename durable.
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
