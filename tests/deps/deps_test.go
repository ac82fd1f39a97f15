// Temporary: keeps the pinned modules in go.mod until their users have landed.
package deps

import (
	_ "github.com/alecthomas/kong"
	_ "github.com/bojanz/currency"
	_ "github.com/cockroachdb/pebble/v2"
	_ "github.com/danielgtaylor/huma/v2"
	_ "github.com/danielgtaylor/huma/v2/adapters/humago"
	_ "github.com/google/uuid"
	_ "github.com/rogpeppe/go-internal/testscript"
	_ "github.com/rogpeppe/go-internal/txtar"
	_ "github.com/schollz/progressbar/v3"
	_ "github.com/theory/jsonpath"
	_ "pgregory.net/rapid"
)
