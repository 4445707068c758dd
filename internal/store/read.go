package store

import (
	"database/sql"
)

// readable is a row that Scan fills and that becomes a T.
type readable[R, T any] interface {
	*R
	dest() []any
	core() (T, error)
}

// readOne reads a row. Kind not-found when there is none.
func readOne[R, T any, P readable[R, T]](row interface{ Scan(...any) error }, what string) (*T, error) {
	var r R
	if err := row.Scan(P(&r).dest()...); err != nil {
		return nil, notFound(err, what)
	}
	t, err := P(&r).core()
	return &t, err
}

// readAll reads what a query found.
func readAll[R, T any, P readable[R, T]](rows *sql.Rows, err error) ([]T, error) {
	if err != nil {
		return nil, away(err)
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		var r R
		if err := rows.Scan(P(&r).dest()...); err != nil {
			return nil, err
		}
		t, err := P(&r).core()
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, away(rows.Err())
}

// each points at the elements of a list.
func each[T any](list []T, err error) ([]*T, error) {
	if err != nil {
		return nil, err
	}
	var out []*T
	for i := range list {
		out = append(out, &list[i])
	}
	return out, nil
}

// columnOf reads the one column of what a query found.
func columnOf[T ~string](rows *sql.Rows, err error) ([]T, error) {
	if err != nil {
		return nil, away(err)
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		var s T
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, away(rows.Err())
}
