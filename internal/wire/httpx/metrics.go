package httpx

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics hears of every request that found a route.
type Metrics interface {
	// Started counts a request in flight.
	Started(protocol string)
	// Finished ends it. Route is the pattern, code the HTTP status.
	Finished(protocol, route string, code int, took time.Duration)
}

// Prometheus is the Metrics that /metrics shows.
type Prometheus struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight *prometheus.GaugeVec
}

// NewPrometheus registers certwright_http_requests_total{protocol,route,code},
// certwright_http_request_duration_seconds{protocol} and
// certwright_http_requests_in_flight{protocol}.
func NewPrometheus(reg prometheus.Registerer) (*Prometheus, error) {
	p := &Prometheus{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "certwright_http_requests_total",
			Help: "HTTP requests by protocol, route pattern and status code.",
		}, []string{"protocol", "route", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "certwright_http_request_duration_seconds",
			Help:    "Time from the request's header to the end of the answer.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"protocol"}),
		inFlight: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "certwright_http_requests_in_flight",
			Help: "HTTP requests being served.",
		}, []string{"protocol"}),
	}
	for _, c := range []prometheus.Collector{p.requests, p.duration, p.inFlight} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// Started implements Metrics.
func (p *Prometheus) Started(protocol string) { p.inFlight.WithLabelValues(protocol).Inc() }

// Finished implements Metrics.
func (p *Prometheus) Finished(protocol, route string, code int, took time.Duration) {
	p.inFlight.WithLabelValues(protocol).Dec()
	p.requests.WithLabelValues(protocol, route, strconv.Itoa(code)).Inc()
	p.duration.WithLabelValues(protocol).Observe(took.Seconds())
}
