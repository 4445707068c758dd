// Drives npm's acme-client through the life of an account and a certificate.
// The settings are JSON in CERTWRIGHT_DRIVE; what it got is JSON on stdout.
import { writeFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import acme from 'acme-client';

const set = JSON.parse(process.env.CERTWRIGHT_DRIVE);
const out = {};

async function record(method, authz, value) {
  const q = new URLSearchParams({ name: `_acme-challenge.${authz.identifier.value}`, value });
  const r = await fetch(`${set.dns}?${q}`, { method });
  if (!r.ok) throw new Error(`name server: ${r.status}`);
}

async function obtain(client, names) {
  const [key, csr] = await acme.crypto.createCsr({ altNames: names });
  const cert = await client.auto({
    csr,
    email: 'ops@example.com',
    termsOfServiceAgreed: true,
    skipChallengeVerification: true,
    challengePriority: set.methods,
    challengeCreateFn: (authz, challenge, answer) =>
      challenge.type === 'dns-01' ? record('POST', authz, answer) : writeFile(join(set.root, challenge.token), answer),
    challengeRemoveFn: (authz, challenge, answer) =>
      challenge.type === 'dns-01' ? record('DELETE', authz, answer) : rm(join(set.root, challenge.token)),
  });
  return { key, cert };
}

try {
  const client = new acme.Client({
    directoryUrl: set.directory,
    accountKey: await acme.crypto.createPrivateEcdsaKey(),
    externalAccountBinding: { kid: set.kid, hmacKey: set.hmacKey },
    backoffMin: 100,
    backoffMax: 1000,
  });
  out.first = (await obtain(client, set.names)).cert;
  const second = await obtain(client, set.names);
  out.second = second.cert;
  await client.updateAccount({ contact: ['mailto:other@example.com'] });
  await client.updateAccountKey(await acme.crypto.createPrivateKey());
  await client.revokeCertificate(out.second, { reason: 4 });
  await client.updateAccount({ status: 'deactivated' });
} catch (e) {
  out.error = String(e?.message ?? e);
}
process.stdout.write(JSON.stringify(out));
