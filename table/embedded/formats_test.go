package embedded

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"tripsaga/table"
)

// TestFolderOfFormat1 opens a folder whose items were written before there was packing. It becomes one of the present format, which
// an older version refuses, before the first packed item is written.
func TestFolderOfFormat1(t *testing.T) {
	fs := vfs.NewMem()
	open := func() *Store {
		t.Helper()
		s, err := Open("data", Options{FS: fs})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open()
	old := table.Item{
		Key: table.Key{PK: "TRIP#" + packedID, SK: "TRIP"}, Version: 1, Index: table.Key{PK: "TRIPS#PENDING#1", SK: packedID},
		Ints: map[string]int64{"n": 7}, Data: []byte(`{"id":"` + packedID + `"}`),
	}
	plain := append(appendHead(nil, plainItem, &old, []byte(old.Index.PK), []byte(old.Index.SK)), old.Data...)
	for key, value := range map[string][]byte{
		string(appendItemKey(nil, old.Key)):             plain,
		string(appendIndexKey(nil, old.Index, old.Key)): nil,
	} {
		if err := s.db.Set([]byte(key), value, pebble.Sync); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	setFormat(t, fs, `"format": 2`, `"format": 1`)

	s = open()
	setFormat(t, fs, `"format": 2`, `"format": 2`)
	if err := s.Transact(context.Background(), table.Add(old.Key, "n", 1, 0)); err != nil {
		t.Fatal(err)
	}
	old.Ints["n"]++
	wantItem(t, s, old)
	next := old
	next.Version, next.Index.PK = 2, "TRIPS#CONFIRMED#1"
	if err := s.Transact(context.Background(), table.Put(next, table.Version(1))); err != nil {
		t.Fatal(err)
	}
	wantItem(t, s, next)
	if page, err := s.Query(context.Background(), table.Query{PK: old.Index.PK, Index: true}); err != nil || len(page.Items) != 0 {
		t.Errorf("the index still has the old entry: %v, error %v", page.Items, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open()
	wantItem(t, s, next)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	setFormat(t, fs, `"format": 2`, `"format": 3`)
	if _, err := Open("data", Options{FS: fs}); err == nil || !strings.Contains(err.Error(), "format 3, and this version of tripsaga reads 2: use a newer one") {
		t.Errorf("a folder of a newer format: %v", err)
	}
}

func wantItem(t *testing.T, s *Store, want table.Item) {
	t.Helper()
	it, ok, err := s.Get(context.Background(), want.Key)
	if err != nil || !ok || it.Version != want.Version || it.Index != want.Index || it.Ints["n"] != want.Ints["n"] || !bytes.Equal(it.Data, want.Data) {
		t.Errorf("%+v (%v, error %v), want %+v", it, ok, err, want)
	}
}

// setFormat wants the text in STORE and replaces it.
func setFormat(t *testing.T, fs vfs.FS, from, to string) {
	t.Helper()
	f, err := fs.Open("data/" + recordName)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(f)
	if err != nil || f.Close() != nil || !bytes.Contains(data, []byte(from)) {
		t.Fatalf("STORE is %s (%v), want %s", data, err, from)
	}
	if err := replaceFile(fs, "data", recordName, recordTemp, bytes.Replace(data, []byte(from), []byte(to), 1)); err != nil {
		t.Fatal(err)
	}
}
