package rest

import (
	"encoding/hex"
	"net/url"
	"strconv"
	"time"
)

func hexOf(b []byte) string { return hex.EncodeToString(b) }

// envelope is a page of a listing.
type envelope struct {
	Content       any `json:"content"`
	Page          int `json:"page"`
	Size          int `json:"size"`
	TotalElements int `json:"totalElements"`
	TotalPages    int `json:"totalPages"`
}

func pageOf(content any, page, size, total int) envelope {
	return envelope{content, page, size, total, (total + size - 1) / size}
}

// count reads a number of a query; anything else than a number is refused.
func count(q url.Values, name string, otherwise int) (int, error) {
	word := q.Get(name)
	if word == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(word)
	if err != nil || n < 0 {
		return 0, refuse(400, "", "1181", name+" must be a number").field(name, "must be a number that is not negative")
	}
	return n, nil
}

// maxOffset bounds how far lists are walked by number.
const maxOffset = 1_000_000

// window reads offset and limit (domains, attempts).
func window(q url.Values, size, largest int) (offset, limit int, err error) {
	if offset, err = count(q, "offset", 0); err != nil {
		return 0, 0, err
	}
	if limit, err = count(q, "limit", size); err != nil {
		return 0, 0, err
	}
	if limit == 0 {
		limit = size
	}
	return min(offset, maxOffset), min(limit, largest), nil
}

// numbered reads page (from 1; 0 counts as 1) and size (1 to 100) of reports.
func numbered(q url.Values) (page, size int, err error) {
	if page, err = count(q, "page", 1); err != nil {
		return 0, 0, err
	}
	if size, err = count(q, "size", 50); err != nil {
		return 0, 0, err
	}
	return min(max(page, 1), maxOffset/100), min(max(size, 1), 100), nil
}

// day reads a date or time of a query; end says that a date means its end.
func day(q url.Values, name string, end bool) (time.Time, error) {
	word := q.Get(name)
	if word == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.DateOnly, word); err == nil {
		if end {
			t = t.AddDate(0, 0, 1).Add(-time.Microsecond)
		}
		return t, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateTime, "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, word); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, refuse(400, "", "1181", name+" must be a date such as 2026-12-31 or a time").field(name, "must be ISO 8601")
}
