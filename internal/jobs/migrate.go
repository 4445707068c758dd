package jobs

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"time"

	"github.com/riverqueue/river/rivermigrate"
)

// Migrate brings the queue's tables to the version that this program needs.
// Doing it again does nothing, and several replicas may do it at once.
func Migrate(ctx context.Context, db *sql.DB, dialect string) error {
	driver, err := driverOf(db, dialect)
	if err != nil {
		return err
	}
	m, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	// Each step is a transaction that also records its number. Of replicas that
	// start together one wins each step; the others fail on what it created,
	// look again and go on behind it. More tries than steps are enough.
	tries := len(m.AllVersions()) + 5
	for i := range tries {
		if _, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil); err == nil {
			return nil
		}
		if err := pause(ctx, time.Duration(i+1)*20*time.Millisecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("migrate the job queue: %w", err)
}

// pause waits unless ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
