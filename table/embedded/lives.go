package embedded

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2"
)

// A change's number is unique in one history of the store only: a copy that was restored has another future, in which the
// same numbers are given anew. So a place in the stream is "<epoch>-<number>". Each opening of the store begins an epoch
// with the first change that it writes, in the same batch; the epochs before it end there. A place beyond the end of its
// epoch was lost with the end of the store that it is a copy of.

// keyEpoch is followed by the number of the epoch's first change, 8 bytes big endian; the value is the epoch's name.
var keyEpoch = []byte{spaceMeta, 'e'}

// epoch is a part of the stream that one opening of the store wrote.
type epoch struct {
	first uint64
	name  string
}

// ErrPlace is the error of [Store.ParsePlace].
var ErrPlace = errors.New("table/embedded: the place is not one of this stream: it is of another store, or of changes that were lost or swept")

// openEpochs reads the epochs and adds that of this opening, whose first change is the next one. Changes of a store that
// had none belong to it, too.
func (s *Store) openEpochs(last uint64) error {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: keyEpoch, UpperBound: []byte{spaceMeta, 'e' + 1}})
	if err != nil {
		return err
	}
	defer func() { _ = it.Close() }()
	for ok := it.First(); ok; ok = it.Next() {
		first := it.Key()[len(keyEpoch):]
		if len(first) != 8 {
			return fmt.Errorf("table/embedded: the epoch %q is malformed", it.Key())
		}
		s.epochs = append(s.epochs, epoch{binary.BigEndian.Uint64(first), string(it.Value())})
	}
	now := epoch{first: last + 1, name: strings.ToLower(rand.Text()[:10])}
	if len(s.epochs) == 0 {
		now.first = 1
	}
	s.epochs = append(s.epochs, now)
	return it.Error()
}

// beginEpoch records the epoch of this opening with its first change.
func (c *committer) beginEpoch() error {
	if c.begun {
		return nil
	}
	now := c.store.epochs[len(c.store.epochs)-1]
	c.begun = true
	return c.batch.Set(binary.BigEndian.AppendUint64(append([]byte(nil), keyEpoch...), now.first), []byte(now.name), nil)
}

// Place names the change with this number for clients that come back, perhaps to a restored copy of the store.
func (s *Store) Place(seq uint64) string {
	i := sort.Search(len(s.epochs), func(i int) bool { return s.epochs[i].first > seq })
	return s.epochs[max(i-1, 0)].name + "-" + strconv.FormatUint(seq, 10)
}

// ParsePlace is the number of the change that [Store.Place] named. Errors: [ErrPlace].
func (s *Store) ParsePlace(place string) (seq uint64, err error) {
	_, number, _ := strings.Cut(place, "-")
	seq, err = strconv.ParseUint(number, 10, 64)
	last := s.feed.durable()
	if err != nil || seq == 0 || seq > last || s.Place(seq) != place {
		return 0, ErrPlace
	}
	next, err := s.changes(seq+1, last+1, 1)
	if err != nil {
		return 0, err
	}
	if seq < last && (len(next) == 0 || next[0].Seq != seq+1) { // swept
		return 0, ErrPlace
	}
	return seq, nil
}
