// Package linear checks that a table is linearizable.
package linear

import _ "github.com/anishathalye/porcupine"
