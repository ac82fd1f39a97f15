package verify

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"tripsaga/table"
	"tripsaga/verify/world"
)

// quietRun is the result of a run without a fault. Other parts of a record than its numbers and its state may be random, such
// as an id, and are not compared.
type quietRun struct {
	result  *world.Result
	records map[table.Key]table.Item
}

func (p *prepared) playOnce(ctx context.Context, w *world.World, scenario string) (*quietRun, error) {
	r, items, err := w.Replay(ctx, world.Schedule{Scenario: scenario})
	if err != nil {
		return nil, err
	}
	one := &quietRun{r, map[table.Key]table.Item{}}
	for _, item := range items {
		one.records[item.Key] = item
	}
	return one, nil
}

// mustRepeat plays a scenario without a fault once more. If the result differs, schedules are not determined by their faults
// alone.
func (p *prepared) mustRepeat(ctx context.Context, w *world.World, scenario string, before *quietRun) error {
	p.final = func(*sagaCast) {}
	now, err := p.playOnce(ctx, w, scenario)
	if err != nil {
		return err
	}
	if what := before.differs(now); what != "" {
		return fmt.Errorf("scenario %s, played once more without a fault, differs: %s. A task keeps state outside of Program.Table and Program.Outside, "+
			"such as in a variable, or calls a provider without Program.Call: keep the state of a double in Program.Outside, which is empty at the beginning of each schedule", scenario, what)
	}
	return nil
}

// differs describes the first difference; "" if there is no difference.
func (a *quietRun) differs(b *quietRun) string {
	for i := range max(len(a.result.Points), len(b.result.Points)) {
		if was, is := a.label(i), b.label(i); was != is {
			return fmt.Sprintf("operation %d was %s, and is %s", i+1, was, is)
		}
	}
	for i, was := range a.result.Statuses {
		if is := b.result.Statuses[i]; was != is {
			return fmt.Sprintf("saga %c was %s, and is %s", 'A'+i, was, is)
		}
	}
	keys := maps.Clone(a.records)
	maps.Copy(keys, b.records)
	for _, key := range slices.SortedFunc(maps.Keys(keys), compareKeys) {
		if was, is := textOfItem(a.records, key), textOfItem(b.records, key); was != is {
			return fmt.Sprintf("the record %s was %s, and is %s", key, was, is)
		}
	}
	return ""
}

func (a *quietRun) label(i int) string {
	if i >= len(a.result.Points) {
		return "none"
	}
	return a.result.Points[i].Label.String()
}

func textOfItem(items map[table.Key]table.Item, key table.Key) string {
	item, ok := items[key]
	if !ok {
		return "not there"
	}
	rec, _ := recordOf(item)
	return fmt.Sprintf("%s version %d %v", textOf(rec), item.Version, item.Ints)
}
