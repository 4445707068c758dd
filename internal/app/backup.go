package app

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"

	"github.com/certwright/certwright/internal/store"
)

// BackupOptions say where a backup goes and who can read it.
type BackupOptions struct {
	To         string   `arg:"" help:"File to write; it must not exist. - for standard output." placeholder:"FILE"`
	Recipient  []string `help:"age public key (age1…) that can open the backup; may be repeated." short:"r"`
	Passphrase string   `help:"File with a passphrase that can open the backup, instead of recipients." type:"existingfile"`
	WithoutKEK bool     `name:"without-kek" help:"Leave the key-encryption key file out: keep it elsewhere."`
}

// RestoreOptions say what is restored.
type RestoreOptions struct {
	From       string `arg:"" help:"Backup file; - for standard input." placeholder:"FILE"`
	Identity   string `help:"File with age secret keys." short:"i" type:"existingfile"`
	Passphrase string `help:"File with the passphrase." type:"existingfile"`
}

// manifest is the first file of a backup.
type manifest struct {
	Format  int       `json:"format"`
	Version string    `json:"version"`
	Engine  string    `json:"engine"`
	At      time.Time `json:"at"`
	KEK     bool      `json:"kek"`
}

const (
	backupFormat = 1
	manifestFile = "manifest.json"
	sqliteFile   = "certwright.db"
	dumpFile     = "certwright.pgdump"
	kekFile      = "kek"
)

// Backup writes a consistent copy of the database, and of the key file if
// there is one, encrypted with age. The server may run meanwhile.
func Backup(ctx context.Context, c Config, o BackupOptions, log io.Writer) error {
	if err := c.Complete(); err != nil {
		return err
	}
	recipients, err := o.recipients()
	if err != nil {
		return err
	}
	out := io.WriteCloser(os.Stdout)
	if o.To != "-" {
		f, err := os.OpenFile(o.To, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		out = f
		defer func() {
			if err != nil {
				_ = os.Remove(o.To)
			}
		}()
	}
	err = writeBackup(ctx, c, o, recipients, out)
	if f, ok := out.(*os.File); ok && o.To != "-" {
		err = errors.Join(err, f.Sync(), f.Close())
	}
	if err == nil {
		fmt.Fprintf(log, "backup written to %s\n", o.To)
		if !strings.HasPrefix(c.KEK, "file:") || o.WithoutKEK {
			fmt.Fprintf(log, "the key-encryption key (%s) is not in it: keep a copy, without it the backup is of no use\n", c.KEK)
		}
	}
	return err
}

func (o BackupOptions) recipients() ([]age.Recipient, error) {
	if o.Passphrase != "" {
		if len(o.Recipient) > 0 {
			return nil, fmt.Errorf("give recipients or a passphrase, not both")
		}
		p, err := readPassphrase(o.Passphrase)
		if err != nil {
			return nil, err
		}
		r, err := age.NewScryptRecipient(p)
		return []age.Recipient{r}, err
	}
	if len(o.Recipient) == 0 {
		return nil, fmt.Errorf("a backup is always encrypted: give --recipient or --passphrase")
	}
	return age.ParseRecipients(strings.NewReader(strings.Join(o.Recipient, "\n")))
}

func readPassphrase(file string) (string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	p := strings.TrimRight(string(b), "\r\n")
	if len(p) < 12 {
		return "", fmt.Errorf("the passphrase in %s has fewer than 12 octets", file)
	}
	return p, nil
}

func writeBackup(ctx context.Context, c Config, o BackupOptions, to []age.Recipient, out io.Writer) error {
	sealed, err := age.Encrypt(out, to...)
	if err != nil {
		return err
	}
	t := tar.NewWriter(sealed)
	now := time.Now().UTC()
	kek, withKEK := strings.CutPrefix(c.KEK, "file:")
	withKEK = withKEK && !o.WithoutKEK
	m := manifest{Format: backupFormat, Version: Version(), Engine: "postgres", At: now, KEK: withKEK}
	name, dump := dumpFile, dumpPostgres
	if strings.HasPrefix(c.Database, "sqlite:") {
		m.Engine, name, dump = "sqlite", sqliteFile, dumpSQLite
	}
	j, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := addFile(t, manifestFile, now, j); err != nil {
		return err
	}
	if withKEK {
		key, err := os.ReadFile(kek)
		if err != nil {
			return err
		}
		if err := addFile(t, kekFile, now, key); err != nil {
			return err
		}
	}
	copyFile, err := dump(ctx, c)
	if err != nil {
		return err
	}
	defer os.Remove(copyFile)
	if err := addCopy(t, name, now, copyFile); err != nil {
		return err
	}
	return errors.Join(t.Close(), sealed.Close())
}

func addFile(t *tar.Writer, name string, at time.Time, data []byte) error {
	if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(data)), ModTime: at}); err != nil {
		return err
	}
	_, err := t.Write(data)
	return err
}

func addCopy(t *tar.Writer, name string, at time.Time, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: st.Size(), ModTime: at}); err != nil {
		return err
	}
	_, err = io.Copy(t, f)
	return err
}

// scratch names a new file beside the data, where there is room for a copy of
// it and nobody else reads.
func scratch(dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(dir, ".backup-*")
	if err != nil {
		return "", err
	}
	return f.Name(), f.Close()
}

// dumpSQLite makes a consistent copy with VACUUM INTO, beside running writers.
func dumpSQLite(ctx context.Context, c Config) (string, error) {
	path := strings.TrimPrefix(c.Database, "sqlite:")
	if _, err := os.Stat(path); err != nil {
		return "", err
	}
	name, err := scratch(filepath.Dir(path))
	if err != nil {
		return "", err
	}
	return name, store.CopySQLite(ctx, path, name)
}

// dumpPostgres runs pg_dump, whose snapshot is consistent beside writers.
func dumpPostgres(ctx context.Context, c Config) (string, error) {
	name, err := scratch(c.Data)
	if err != nil {
		return "", err
	}
	return name, postgresTool(ctx, c.Database, nil, "pg_dump", "--format=custom", "--no-owner", "--no-privileges", "--file="+name)
}

// postgresTool runs a PostgreSQL program. The password goes through the
// environment: arguments can be read by every user of the host.
func postgresTool(ctx context.Context, dsn string, in io.Reader, program string, args ...string) error {
	u, err := url.Parse(dsn)
	if err != nil {
		return fmt.Errorf("the database URL cannot be read")
	}
	env := os.Environ()
	if p, ok := u.User.Password(); ok {
		env = append(env, "PGPASSWORD="+p)
		u.User = url.User(u.User.Username())
	}
	cmd := exec.CommandContext(ctx, program, append(args, "--dbname="+u.String())...)
	cmd.Env, cmd.Stdin, cmd.Stderr = env, in, os.Stderr
	if err := cmd.Run(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return fmt.Errorf("%s is not installed here (package postgresql-client)", program)
		}
		return fmt.Errorf("%s: %w", program, err)
	}
	return nil
}

// Restore puts a backup into an empty installation. It never overwrites, and
// leaves nothing behind when it fails.
func Restore(ctx context.Context, c Config, o RestoreOptions, log io.Writer) (err error) {
	if err := c.Complete(); err != nil {
		return err
	}
	ids, err := o.identities()
	if err != nil {
		return err
	}
	in := io.Reader(os.Stdin)
	if o.From != "-" {
		f, err := os.Open(o.From)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	plain, err := age.Decrypt(in, ids...)
	if err != nil {
		return fmt.Errorf("open the backup: %w", err)
	}
	t := tar.NewReader(plain)
	m, err := readManifest(t)
	if err != nil {
		return err
	}
	if want := string(engineOf(c)); m.Engine != want {
		return fmt.Errorf("the backup is of %s, this configuration uses %s", m.Engine, want)
	}
	files := restored(c, m)
	if err := empty(ctx, c, files); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			for _, f := range files { // none of them was there before
				_ = os.Remove(f)
			}
		}
	}()
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return err
	}
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read the backup: %w", err)
		}
		if err := restoreFile(ctx, c, h.Name, t); err != nil {
			return err
		}
	}
	// age vouches for the whole once it has been read to its end.
	if _, err := io.Copy(io.Discard, plain); err != nil {
		return fmt.Errorf("read the backup: %w", err)
	}
	fmt.Fprintf(log, "restored the backup of %s, made by version %s\n", m.At.Format(time.RFC3339), m.Version)
	return nil
}

// restored lists the files that a restore makes, and those that would spoil the
// database if they were there.
func restored(c Config, m manifest) []string {
	var files []string
	if kek, ok := strings.CutPrefix(c.KEK, "file:"); ok && m.KEK {
		files = append(files, kek)
	}
	if db, ok := strings.CutPrefix(c.Database, "sqlite:"); ok {
		files = append(files, db, db+"-wal", db+"-shm")
	}
	return files
}

// empty refuses an installation that has anything yet, before the first file is
// written.
func empty(ctx context.Context, c Config, files []string) error {
	for _, f := range files {
		_, err := os.Lstat(f)
		if err == nil {
			return fmt.Errorf("restore goes into an empty installation only: %s is there", f)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if engineOf(c) == store.Postgres {
		return store.EmptyPostgres(ctx, c.Database)
	}
	return nil
}

func engineOf(c Config) store.Dialect {
	if strings.HasPrefix(c.Database, "sqlite:") {
		return store.SQLite
	}
	return store.Postgres
}

func (o RestoreOptions) identities() ([]age.Identity, error) {
	switch {
	case o.Identity != "":
		f, err := os.Open(o.Identity)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return age.ParseIdentities(f)
	case o.Passphrase != "":
		p, err := readPassphrase(o.Passphrase)
		if err != nil {
			return nil, err
		}
		i, err := age.NewScryptIdentity(p)
		return []age.Identity{i}, err
	}
	return nil, fmt.Errorf("give --identity or --passphrase")
}

func readManifest(t *tar.Reader) (m manifest, err error) {
	h, err := t.Next()
	if err != nil || h.Name != manifestFile {
		return m, fmt.Errorf("this is not a backup of certwright")
	}
	b, err := io.ReadAll(io.LimitReader(t, 1<<16))
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(b, &m); err != nil || m.Format != backupFormat {
		return m, fmt.Errorf("the backup has a format that this version does not know")
	}
	return m, nil
}

func restoreFile(ctx context.Context, c Config, name string, data io.Reader) error {
	switch name {
	case kekFile:
		path, ok := strings.CutPrefix(c.KEK, "file:")
		if !ok {
			return nil // this installation keeps its key elsewhere
		}
		return writeNew(path, data)
	case sqliteFile:
		return writeNew(strings.TrimPrefix(c.Database, "sqlite:"), data)
	case dumpFile:
		return postgresTool(ctx, c.Database, data, "pg_restore", "--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction")
	}
	return fmt.Errorf("the backup holds an unknown file %q", name)
}

// writeNew writes a file that must not exist, durably.
func writeNew(path string, data io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("restore goes into an empty installation only: %w", err)
	}
	if _, err = io.Copy(f, data); err != nil {
		_ = f.Close()
		_ = os.Remove(path)
		return fmt.Errorf("read the backup: %w", err)
	}
	return errors.Join(f.Sync(), f.Close())
}
