package stripe

import (
	"net/http"

	stripego "github.com/stripe/stripe-go/v85"
	"github.com/stripe/stripe-go/v85/form"
)

// api makes single calls with the backend of Stripe's client. The client's type for all services would link every service,
// because this program also finds methods by reflection: 8 MB of binary.
type api struct {
	backend stripego.Backend
	key     string
}

// send makes a call and decodes its answer into v. The context is that of params.
func send[T stripego.LastResponseSetter](a api, v T, method, path string, params stripego.ParamsContainer) (T, error) {
	err := a.backend.Call(method, path, a.key, params, v)
	return v, err
}

// listRefunds reads a page.
func (a api) listRefunds(params *stripego.RefundListParams) (*stripego.RefundList, error) {
	query, page := &form.Values{}, &stripego.RefundList{}
	form.AppendTo(query, params)
	return page, a.backend.CallRaw(http.MethodGet, "/v1/refunds", a.key, []byte(query.Encode()), params.GetParams(), page)
}

func intentPath(id string) string { return stripego.FormatURLPath("/v1/payment_intents/%s", id) }
