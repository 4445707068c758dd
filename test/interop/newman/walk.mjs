// Runs one walk through the order API with newman, the runner of Postman
// collections:
//
//   node walk.mjs GENERATION FAMILY
//
// The environment of the collection is JSON in CERTWRIGHT_WALK. What came of it
// is JSON on stdout: how many checks there are, how many ran, what failed, and
// the environment at the end.
import newman from 'newman';
import * as v1 from './v1.mjs';
import * as v2 from './v2.mjs';

const [generation, family] = process.argv.slice(2);
const settings = JSON.parse(process.env.CERTWRIGHT_WALK);
const steps = { v1, v2 }[generation].walks[family](settings).flat(9);
const item = steps.map(({ name, request, event }) => ({ name, request, event }));

newman.run(
  {
    collection: { info: { name: `${family} over ${generation}`, schema: 'https://schema.getpostman.com/json/collection/v2.1.0/collection.json' }, item },
    environment: { values: Object.entries(settings).map(([key, value]) => ({ key, value: String(value), enabled: true })) },
    sslExtraCaCerts: settings.roots,
    insecureFileRead: true,
    reporters: [],
    timeoutRequest: 60000,
  },
  (err, summary) => {
    if (err) throw err;
    const { stats, failures } = summary.run;
    process.stdout.write(
      JSON.stringify({
        steps: steps.length,
        requests: stats.requests.total,
        checks: steps.reduce((n, s) => n + s.checks, 0),
        executed: stats.assertions.total,
        pending: stats.assertions.pending,
        failed: stats.assertions.failed,
        failures: failures.map((f) => `${f.source?.name}: ${f.error?.test ?? f.at}: ${f.error?.message}`),
        environment: Object.fromEntries(summary.environment.values.map((v) => [v.key, v.value])),
      }),
    );
  },
);
