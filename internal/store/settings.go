package store

import (
	"context"

	"github.com/certwright/certwright/internal/core"
)

// Settings are single values that all replicas share: the key ring, the
// installation's id, what was done at first start. They are versioned, so that
// of two replicas that change one at the same time only one succeeds.

const (
	selectSetting = `SELECT value, version FROM settings WHERE name = ?`
	createSetting = `INSERT INTO settings (name, value, version) VALUES (?, ?, 1) ON CONFLICT (name) DO NOTHING`
	changeSetting = `UPDATE settings SET value = ?, version = version + 1 WHERE name = ? AND version = ?`
)

// Setting returns a value and its version. Error: not-found.
func (db *DB) Setting(ctx context.Context, name string) (value []byte, version int64, err error) {
	err = db.queryRow(ctx, selectSetting, name).Scan(&value, &version)
	return value, version, notFound(err, "setting")
}

// CreateSetting stores the value, with version 1, unless there is one already,
// and returns the value that then stands: the caller's own when created.
func (db *DB) CreateSetting(ctx context.Context, name string, value []byte) (stands []byte, created bool, err error) {
	err = db.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		stands, created, err = db.CreateSettingIn(ctx, tx, name, value)
		return err
	})
	return stands, created, err
}

// CreateSettingIn is CreateSetting inside a transaction of the caller's.
func (db *DB) CreateSettingIn(ctx context.Context, tx core.Tx, name string, value []byte) (stands []byte, created bool, err error) {
	res, err := in(tx).exec(ctx, createSetting, name, value)
	if err != nil {
		return nil, false, err
	}
	n, err := res.RowsAffected()
	if err != nil {
		return nil, false, err
	}
	if n == 1 {
		return value, true, nil
	}
	var version int64
	err = in(tx).row(ctx, selectSetting, name).Scan(&stands, &version)
	return stands, false, err
}

// CompareAndSetSetting replaces a value whose version is still the given one.
// Otherwise, and when there is none, the error is of kind conflict.
func (db *DB) CompareAndSetSetting(ctx context.Context, name string, version int64, value []byte) error {
	return db.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		return db.CompareAndSetSettingIn(ctx, tx, name, version, value)
	})
}

// CompareAndSetSettingIn is CompareAndSetSetting inside a transaction of the
// caller's.
func (db *DB) CompareAndSetSettingIn(ctx context.Context, tx core.Tx, name string, version int64, value []byte) error {
	res, err := in(tx).exec(ctx, changeSetting, value, name, version)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return core.Errorf(core.KindConflict, "the setting %q was changed by somebody else", name)
}
