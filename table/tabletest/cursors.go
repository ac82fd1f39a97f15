package tabletest

import (
	"slices"

	"tripsaga/table"
)

var cursors = []testCase{
	{"cursor/forged", forgedCursor},
	{"cursor/of another query", foreignCursor},
	{"cursor/survives changes", cursorSurvivesChanges},
}

// cursor is that of the first Limit items.
func (f *fixture) cursor(q table.Query) string {
	f.Helper()
	for read := 0; read < q.Limit; {
		page, err := f.Query(f.ctx, q)
		if err != nil || page.Cursor == "" {
			f.Fatalf("Query %+v: cursor %q, error %v", q, page.Cursor, err)
		}
		read += len(page.Items)
		q.Cursor = page.Cursor
	}
	return q.Cursor
}

func forgedCursor(f *fixture) {
	f.fill("a", "1", "2", "3")
	real := f.cursor(table.Query{PK: "a", Limit: 1})
	forged := []string{"x", " ", "====", "AAAA", "AAAAAAAAAAAAAAAAAAAA", real + "A", real + " ", real[1:], real[:len(real)-1]}
	for i := range len(real) {
		b := []byte(real)
		b[i] ^= 1
		forged = append(forged, string(b))
	}
	for _, c := range forged {
		_, err := f.Query(f.ctx, table.Query{PK: "a", Limit: 1, Cursor: c})
		f.invalid(err)
	}
}

func foreignCursor(f *fixture) {
	f.fill("a", "1", "2", "3")
	f.fill("b", "1", "2", "3")
	ours := table.Query{PK: "a", From: "1", To: "4", Limit: 1}
	c := f.cursor(ours)
	for _, q := range []table.Query{
		{PK: "b", From: "1", To: "4"},
		{PK: "a"},
		{PK: "a", From: "1"},
		{PK: "a", From: "0", To: "4"},
		{PK: "a", From: "1", To: "5"},
		{PK: "a", Prefix: "1"},
		{PK: "a", From: "1", To: "4", Descending: true},
		{PK: "a", From: "1", To: "4", Index: true},
	} {
		q.Limit, q.Cursor = 1, c
		_, err := f.Query(f.ctx, q)
		f.invalid(err)
	}
	ours.Limit, ours.Cursor = 2, c
	if got := sortKeys(f.all(ours)); !slices.Equal(got, []string{"2", "3"}) {
		f.Fatalf("with another limit the cursor gives %q", got)
	}
}

func cursorSurvivesChanges(f *fixture) {
	for _, descending := range []bool{false, true} {
		f.fill("a", "1", "3", "5", "7", "9")
		q := table.Query{PK: "a", Limit: 3, Descending: descending}
		q.Cursor = f.cursor(q)
		f.write(table.Delete(key("a", "5"), table.None), table.Put(full("a", "4"), table.None), table.Put(full("a", "6"), table.None))
		want := []string{"6", "7", "9"}
		if descending {
			want = []string{"4", "3", "1"}
		}
		if got := sortKeys(f.all(q)); !slices.Equal(got, want) {
			f.Fatalf("descending %v: %q, want %q", descending, got, want)
		}
		f.write(table.Delete(key("a", "4"), table.None), table.Delete(key("a", "6"), table.None))
	}
}
