package bench

import (
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"
	_ "github.com/certwright/certwright/internal/enroll/enrolltest"
	_ "github.com/certwright/certwright/internal/store/storetest"
	_ "github.com/certwright/certwright/internal/store"
	_ "github.com/certwright/certwright/internal/wire/cms"
	_ "github.com/certwright/certwright/test/interop/harness"
)
