package lint

import "encoding/json"

// fields are those that asl.Machine does not tell of a state.
type fields struct {
	Seconds              float64
	SecondsPath          *string
	Timestamp            *string
	TimestampPath        *string
	TimeoutSecondsPath   *string
	HeartbeatSecondsPath *string
	Branches             []graphFields
	ItemProcessor        graphFields
	Iterator             graphFields
}

type graphFields struct {
	States map[string]fields
}

// readFields reads a definition that asl.Parse accepts: each name stands for one state of the whole machine.
func readFields(definition []byte) map[string]fields {
	all := map[string]fields{}
	var root graphFields
	if json.Unmarshal(definition, &root) == nil {
		root.into(all)
	}
	return all
}

func (g *graphFields) into(all map[string]fields) {
	for name, f := range g.States {
		all[name] = f
		for _, inner := range append(f.Branches, f.ItemProcessor, f.Iterator) {
			inner.into(all)
		}
	}
}
