package cleanup

import (
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// paced begins requests, retries included, at least an interval apart. It is for one goroutine.
type paced struct {
	next  aws.HTTPClient
	every time.Duration
	free  time.Time // for the next one
}

func pace(next aws.HTTPClient, every time.Duration) *paced {
	if next == nil {
		next = awshttp.NewBuildableClient()
	}
	return &paced{next: next, every: every}
}

// Do implements aws.HTTPClient.
func (p *paced) Do(request *http.Request) (*http.Response, error) {
	wait := time.NewTimer(time.Until(p.free))
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-request.Context().Done():
		return nil, request.Context().Err()
	}
	p.free = time.Now().Add(p.every)
	return p.next.Do(request)
}
