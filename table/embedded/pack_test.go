package embedded

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tripsaga/table"
)

const packedID = "0195d1f0-7a52-7c3e-9d3b-1f2e3d4c5b6a"

func pack(t *testing.T, text, own string) []byte {
	t.Helper()
	packed, ok := appendPacked(nil, []byte(text), own)
	if !ok {
		t.Fatalf("%q is not packed", text)
	}
	back, err := appendUnpacked(nil, packed, own)
	if err != nil || string(back) != text {
		t.Fatalf("%q comes back as %q (%v), packed as %q", text, back, err, packed)
	}
	return packed
}

// TestPackedSize pins what is packed, and how small it becomes.
func TestPackedSize(t *testing.T) {
	for text, want := range map[string]int{
		"":                                 0,
		packedID:                           1,
		"x#" + packedID:                    3,
		"77777777" + packedID[8:]:          17,
		"9c840885f3e1b724ead6c265e9cfdea4": 17,
		"9c840885f3e1b724ead6c265e9cfdea":  31,
		"9C840885f3e1b724ead6c265e9cfdea4": 32,
		packedID[:35]:                      35,
		"a" + packedID:                     37,
		`{"id":"` + packedID + `"}}`:       6,
		`{"state":"DONE","fingerprint":"日本"}`: 2 + 6 + 2,
	} {
		if packed := pack(t, text, packedID); len(packed) != want {
			t.Errorf("%q is packed in %d bytes, want %d: %q", text, len(packed), want, packed)
		}
	}
}

func TestPackedTextReturns(t *testing.T) {
	piece := rapid.OneOf(rapid.SampledFrom(phrases[:]), rapid.SampledFrom([]string{packedID, packedID[:20], "0123456789abcdef", `"`, "-", "#", "é", "日本"}),
		rapid.String(), rapid.StringMatching(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{30,34}`))
	rapid.Check(t, func(r *rapid.T) {
		text := strings.Join(rapid.SliceOf(piece).Draw(r, "pieces"), "")
		packed, ok := appendPacked(nil, []byte(text), ownID("TRIP#"+packedID))
		back, err := appendUnpacked(nil, packed, packedID)
		if !ok || err != nil || string(back) != text || len(packed) > len(text) {
			r.Fatalf("%q comes back as %q (%v), packed as %q", text, back, err, packed)
		}
	})
}

// TestBytesThatAreNoTextReturn: they are stored as they are.
func TestBytesThatAreNoTextReturn(t *testing.T) {
	for b := range 256 {
		it := table.Item{Key: table.Key{PK: "TRIP#" + packedID, SK: "s"}, Index: table.Key{PK: "i", SK: packedID}, Data: []byte{'a', byte(b), 'c'}}
		back, err := decodeItem(it.Key, appendItem(nil, &it))
		if err != nil || back.Index != it.Index || !bytes.Equal(back.Data, it.Data) {
			t.Errorf("byte %#x: %+v, error %v", b, back, err)
		}
	}
}

// TestPhrasesStay pins the phrases, since every stored item refers to them by their index.
func TestPhrasesStay(t *testing.T) {
	sum := sha256.Sum256([]byte(strings.Join(phrases[:], "\n")))
	if got, want := hex.EncodeToString(sum[:8]), "a9ab5824a8ba76e7"; got != want {
		t.Errorf("the phrases have changed (%s, want %s): no store could be read any more. Append a phrase, raise recordFormat, and pin the new list", got, want)
	}
	for i, p := range phrases {
		if packed := pack(t, p, ""); !bytes.Equal(packed, []byte{tokenPhrase, byte(i)}) {
			t.Errorf("phrase %q is packed as %q", p, packed)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add([]byte("a\xc0\xf6\x01\xf5"))
	f.Add([]byte("\xc1\xff"))
	f.Fuzz(func(t *testing.T, packed []byte) {
		if text, err := appendUnpacked(nil, packed, packedID); err == nil {
			again, ok := appendPacked(nil, text, packedID)
			if back, err := appendUnpacked(nil, again, packedID); ok && (err != nil || !bytes.Equal(back, text)) {
				t.Errorf("%q comes back as %q, error %v", text, back, err)
			}
		}
	})
}

// BenchmarkPack packs and unpacks the record of an execution.
func BenchmarkPack(b *testing.B) {
	text, err := os.ReadFile("testdata/execution.json")
	if err != nil {
		b.Fatal(err)
	}
	packed, _ := appendPacked(nil, text, packedID)
	b.Run("pack", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			packed, _ = appendPacked(packed[:0], text, packedID)
		}
		b.ReportMetric(float64(len(packed))/float64(len(text)), "ratio")
	})
	b.Run("unpack", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			text, _ = appendUnpacked(text[:0], packed, packedID)
		}
	})
}
