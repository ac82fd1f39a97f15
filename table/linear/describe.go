package linear

import (
	"fmt"
	"strings"

	"tripsaga/table"
)

func name(key int) string { return places[key].pk + "/" + places[key].sk }

func (c cell) String() string {
	switch {
	case !c.there():
		return "none"
	case c.counts:
		return fmt.Sprintf("v%d n=%d", c.version, c.n)
	}
	return fmt.Sprintf("v%d", c.version)
}

func (f found) String() string { return name(f.key) + " " + f.cell.String() }

func (s state) String() string {
	var cells []string
	for key, c := range s {
		cells = append(cells, found{key, c}.String())
	}
	return strings.Join(cells, ", ")
}

func (c call) String() string {
	var parts []string
	for i, key := range c.over {
		if c.ops == nil {
			parts = append(parts, name(key))
		} else {
			parts = append(parts, describeOp(c.ops[i], name(key)))
		}
	}
	list := strings.Join(parts, ", ")
	switch {
	case c.ops != nil:
		return "Transact " + list
	case c.query && c.limit > 0:
		return fmt.Sprintf("Query %s, at most %d", list, c.limit)
	case c.query:
		return "Query " + list
	}
	return "Get " + list
}

func describeOp(op table.Op, key string) string {
	switch op.Kind {
	case table.OpPut:
		n, counts := op.Item.Ints[counter]
		return fmt.Sprintf("put %s %s%s", key, cell{op.Item.Version, n, counts}, describeCond(op.Cond))
	case table.OpDelete:
		return "delete " + key + describeCond(op.Cond)
	case table.OpAdd:
		return fmt.Sprintf("add %+d to %s if >= %d", op.Delta, key, op.Floor)
	}
	return "check " + key + describeCond(op.Cond)
}

func describeCond(c table.Cond) string {
	switch c.Kind {
	case table.CondAbsent:
		return " if absent"
	case table.CondPresent:
		return " if present"
	case table.CondVersion:
		return fmt.Sprintf(" if v%d", c.Version)
	}
	return ""
}

func (o outcome) String() string { return [...]string{"done", "conflict", "unknown"}[o] }

func describe(in call, out answer) string {
	switch {
	case in.ops == nil && out.more:
		return fmt.Sprintf("%s: %v and more", in, out.cells)
	case in.ops == nil:
		return fmt.Sprintf("%s: %v", in, out.cells)
	case out.outcome == conflict:
		return fmt.Sprintf("%s: conflict of operation %d", in, out.failed)
	}
	return fmt.Sprintf("%s: %s", in, out.outcome)
}
