package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"tripsaga/table"
	"tripsaga/table/embedded"
)

// tableCmd shows items as they are stored.
type tableCmd struct {
	Dump tableDumpCmd `cmd:"" help:"Print all items, or those whose partition key begins with a prefix, one JSON object a line."`
	Get  tableGetCmd  `cmd:"" help:"Print one item."`
}

// dataFolder is the flag of the verbs that read a data folder.
type dataFolder struct {
	Data string `env:"TRIPSAGA_DATA" help:"Data folder." default:"tripsaga-data" type:"path"`
}

type tableDumpCmd struct {
	dataFolder
	Prefix string `arg:"" optional:"" help:"Beginning of the partition key, such as TRIP# or TRIP#<id>."`
}

type tableGetCmd struct {
	dataFolder
	PK string `arg:"" help:"Partition key, such as TRIP#<id>."`
	SK string `arg:"" help:"Sort key, such as FLIGHT."`
}

// storedItem is an item as the command prints it.
type storedItem struct {
	PK      string           `json:"pk"`
	SK      string           `json:"sk"`
	Version int64            `json:"version"`
	Ints    map[string]int64 `json:"ints,omitempty"`
	Index   *storedKey       `json:"gsi1,omitempty"`
	Expires int64            `json:"expires,omitempty"`
	Data    json.RawMessage  `json:"data,omitempty"`
}

type storedKey struct {
	PK string `json:"pk"`
	SK string `json:"sk"`
}

func (c *tableDumpCmd) Run(p *program) error {
	store, err := c.open()
	if err != nil {
		return err
	}
	defer store.Close()
	return c.dump(p, store)
}

func (c *tableDumpCmd) dump(p *program, store *embedded.Store) error {
	for item, err := range store.Items(p.ctx, c.Prefix) {
		if err != nil {
			return err
		}
		if !strings.HasPrefix(item.PK, c.Prefix) {
			return nil
		}
		if err := p.encode(newStoredItem(item), ""); err != nil {
			return err
		}
	}
	return nil
}

func (c *tableGetCmd) Run(p *program) error {
	store, err := c.open()
	if err != nil {
		return err
	}
	defer store.Close()
	item, ok, err := store.Get(p.ctx, table.Key{PK: c.PK, SK: c.SK})
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("no item %s / %s in %s", c.PK, c.SK, c.Data)
	}
	return p.printJSON(newStoredItem(item))
}

func newStoredItem(item table.Item) storedItem {
	s := storedItem{PK: item.PK, SK: item.SK, Version: item.Version, Ints: item.Ints, Expires: item.Expires, Data: item.Data}
	if item.Index != (table.Key{}) {
		s.Index = &storedKey{PK: item.Index.PK, SK: item.Index.SK}
	}
	if len(s.Data) > 0 && !json.Valid(s.Data) {
		s.Data, _ = json.Marshal(string(item.Data)) // a string always marshals
	}
	return s
}

// open opens an existing folder.
func (d *dataFolder) open() (*embedded.Store, error) {
	if entries, err := os.ReadDir(d.Data); err != nil || len(entries) == 0 {
		return nil, usage(fmt.Errorf("no data in folder %q: name the one that tripsaga serve --data uses", d.Data))
	}
	store, err := embedded.Open(d.Data, embedded.Options{})
	return store, openFailed(err)
}
