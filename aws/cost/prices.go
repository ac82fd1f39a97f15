package cost

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Price is what a unit costs in US dollars, without free tiers and discounts for much use.
type Price struct {
	USD     float64 `json:"usd"`
	Per     float64 `json:"per"` // units for that price
	Unit    string  `json:"unit"`
	Source  string  `json:"source"`
	Checked string  `json:"checked"` // against what, besides the source
}

func (p Price) of(quantity float64) float64 { return quantity * p.USD / p.Per }

// Prices are a region's.
type Prices map[string]Price

//go:embed prices.json
var pricesFile []byte

type priceList struct {
	AsOf    string            `json:"as_of"`
	Regions map[string]Prices `json:"regions"`
}

func readPrices(data []byte) (list priceList, err error) {
	if err := json.Unmarshal(data, &list); err != nil {
		return list, err
	}
	for region, prices := range list.Regions {
		for name, p := range prices {
			if p.USD < 0 || p.Per <= 0 || p.Unit == "" || p.Source == "" || p.Checked == "" {
				return list, fmt.Errorf("the price %s of %s is not whole: %+v", name, region, p)
			}
		}
	}
	return list, nil
}

func (l priceList) region(name string) (Prices, error) {
	if prices, ok := l.Regions[name]; ok {
		return prices, nil
	}
	return nil, fmt.Errorf("there are no prices of %q; there are those of %s", name, strings.Join(slices.Sorted(maps.Keys(l.Regions)), ", "))
}
