package store

import (
	"context"

	"github.com/certwright/certwright/internal/core"
)

// ringSetting holds the sealed key ring.
const ringSetting = "secret.ring"

// LoadRing implements secret.Storage.
func (db *DB) LoadRing(ctx context.Context) ([]byte, int64, error) {
	blob, version, err := db.Setting(ctx, ringSetting)
	if core.Is(err, core.KindNotFound) {
		return nil, 0, nil
	}
	return blob, version, err
}

// SaveRing implements secret.Storage.
func (db *DB) SaveRing(ctx context.Context, tx core.Tx, blob []byte, expect int64) error {
	if expect > 0 {
		return db.CompareAndSetSettingIn(ctx, tx, ringSetting, expect, blob)
	}
	_, created, err := db.CreateSettingIn(ctx, tx, ringSetting, blob)
	if err == nil && !created {
		err = core.Errorf(core.KindConflict, "another replica made the key ring")
	}
	return err
}
