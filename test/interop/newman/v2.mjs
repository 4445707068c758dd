// The walks over the second generation: /oauth/token and /api/certinext/v2.
import { approve, field, keep, matches, publish, refuse, status, step, upload, vet } from './steps.mjs';

const requestor = { name: 'Ada Lovelace', email: 'ada@example.com', phone: '+442071234567', designation: 'Engineer' };
const agreement = { signerName: 'Ada Lovelace', signerPlace: 'London', accepted: true };

// call is a request with the token.
const call = (name, method, path, o = {}) =>
  step(name, method, `{{main}}/api/certinext/v2${path}`, { ...o, headers: { Authorization: 'Bearer {{token}}', ...o.headers } });

// refused is a problem document (RFC 9457) whose detail begins with a code.
const refused = (code, ...codes) => ({
  ...status(...codes),
  'is a problem document': () => {
    pm.expect(pm.response.headers.get('Content-Type')).to.match(/^application\/problem\+json/);
    const p = pm.response.json();
    pm.expect(p).to.include.keys('type', 'title', 'status', 'detail', 'instance');
    pm.expect(p.status).to.equal(pm.response.code);
  },
  ...matches('detail', `/^\\[${code}\\] ./`),
});

const done = { ...status(204), 'nothing more is said': () => pm.expect(pm.response.text()).to.equal('') };

// token gets a token, and looks at what goes wrong without.
const token = [
  step('nobody', 'GET', '{{main}}/api/certinext/v2/auth/me', { checks: status(401) }),
  step('wrong secret', 'POST', '{{main}}/oauth/token', {
    body: { form: { grant_type: 'client_credentials', client_id: '{{clientId}}', client_secret: '00000000000000000000000000000000' } },
    checks: { ...status(401), ...field('error', 'invalid_client') },
  }),
  step('token', 'POST', '{{main}}/oauth/token', {
    body: { form: { grant_type: 'client_credentials', client_id: '{{clientId}}', client_secret: '{{clientSecret}}' } },
    checks: {
      ...status(200), ...field('token_type', 'Bearer'), ...field('expires_in', 3600), ...matches('refresh_token', '/^[0-9a-f]{32}$/'),
      ...matches('access_token', '/^[A-Za-z0-9_-]{43}$/'), ...keep('refresh_token', 'refresh'),
      'both spellings': () => pm.expect(pm.response.json().tokenDetails.accessToken).to.equal(pm.response.json().access_token),
      'not to be stored': () => pm.expect(pm.response.headers.get('Cache-Control')).to.match(/no-store/),
    },
  }),
  step('refresh', 'POST', '{{main}}/oauth/token', {
    body: { form: { grant_type: 'refresh_token', refresh_token: '{{refresh}}' } },
    basic: { username: '{{clientId}}', password: '{{clientSecret}}' },
    checks: { ...status(200), ...keep('access_token', 'token') },
  }),
  call('who am I', 'GET', '/auth/me', {
    checks: {
      ...status(200), ...field('authType', 'oauth2'),
      'the account number is the client id': () => pm.expect(pm.response.json().accountNumber).to.equal(pm.environment.get('clientId')),
      'headers': () => {
        const want = { 'X-API-Version': /^2\.0\.0$/, 'Cache-Control': /no-store/, 'X-Frame-Options': /^DENY$/, 'X-Content-Type-Options': /^nosniff$/, 'Content-Type': /^application\/json/ };
        for (const [name, value] of Object.entries(want)) pm.expect(pm.response.headers.get(name), name).to.match(value);
      },
    },
  }),
];

// offered looks for a product in the catalogue.
const offered = (code, type) =>
  call('catalogue', 'GET', '/catalog/products', {
    checks: {
      ...status(200),
      [`has ${code}`]: `const all = pm.response.json().products.flatMap((c) => c.products);
        const p = all.find((p) => String(p.productCode) === '${code}');
        pm.expect(p, pm.response.text()).to.be.an('object');
        pm.expect(String(p.productTypeID)).to.equal('${type}');`,
    },
  });

// at is what a look at the order must say.
const at = (kind, want, more = {}) => call(`look: ${want}`, 'GET', `/${kind}/{{order}}`, { checks: { ...status(200), ...field('status', want), ...more } });

// create makes an order.
const create = (kind, body, want, code, more = {}) =>
  call('create', 'POST', `/${kind}`, {
    body,
    checks: { ...status(201), ...matches('orderId', '/^\\d{10}$/'), ...matches('requestId', '/^\\d{10}$/'), ...field('status', want),
      ...field('resolvedProductCode', code), ...keep('orderId', 'order'), ...more },
  });

// csr gives the key; first what is no request, then the right one.
const csr = (kind, which = 'csr') => [
  call('a CSR that is none', 'PUT', `/${kind}/{{order}}/csr`, { body: { csr: 'bm90IGEgQ1NS', attested: false }, checks: refused('EMS-9(17|21)', 422, 400) }),
  call('the CSR', 'PUT', `/${kind}/{{order}}/csr`, { body: { csr: `{{${which}}}`, attested: false }, checks: done }),
];

// agree signs; first not.
const agree = (kind) => [
  call('not accepted', 'POST', `/${kind}/{{order}}/agreement`, { body: { agreement: { ...agreement, accepted: false } }, checks: refused('EMS-920', 422, 400) }),
  call('the agreement', 'POST', `/${kind}/{{order}}/agreement`, { body: { agreement }, checks: done }),
];

// download takes the certificate in each form.
const download = (kind) => [
  call('certificate', 'GET', `/${kind}/{{order}}/certificate`, {
    checks: {
      ...status(200), ...keep('certificatePem', 'certificate'), ...keep('serialNumber', 'serial'), ...matches('subject', '/./'), ...matches('issuer', '/./'),
      ...matches('notBefore', '/Z$/'), ...matches('notAfter', '/Z$/'),
      'the chain ends at the root': () => pm.expect(pm.response.json().chainPem).to.have.length.above(1),
    },
  }),
  call('certificate as PEM', 'GET', `/${kind}/{{order}}/certificate`, {
    headers: { Accept: 'application/x-pem-file' },
    checks: {
      ...status(200), 'type': () => pm.expect(pm.response.headers.get('Content-Type')).to.match(/^application\/x-pem-file/),
      'leaf and chain': () => {
        pm.expect(pm.response.text().match(/-----BEGIN CERTIFICATE-----/g)).to.have.length.above(1);
        pm.expect(pm.response.text().replace(/\s/g, '')).to.contain(pm.environment.get('certificate').replace(/\s/g, ''));
      },
    },
  }),
  call('certificate as DER', 'GET', `/${kind}/{{order}}/certificate?format=der`, {
    checks: {
      ...status(200), 'type': () => pm.expect(pm.response.headers.get('Content-Type')).to.match(/^application\/pkix-cert/),
      'is the same': () => pm.expect(pm.response.stream.toString('base64')).to.equal(pm.environment.get('certificate').replace(/-----[A-Z ]+-----|\s/g, '')),
    },
  }),
];

// reported finds the order in the report.
const reported = (want) =>
  call('report', 'GET', '/reports/orders?page=0&size=100', {
    checks: {
      ...status(200),
      'is a page': () => pm.expect(pm.response.json()).to.include.keys('content', 'page', 'size', 'totalElements', 'totalPages'),
      'has the order': `const row = pm.response.json().content.find((r) => r.orderNumber === pm.environment.get('order'));
        pm.expect(row, pm.response.text()).to.be.an('object');
        pm.expect(row.domainName).to.equal(${JSON.stringify(want)});
        pm.expect(row.certificateSerialNumber).to.match(/^[0-9]+$/);`,
    },
  });

// revoke ends the certificate.
const revoke = (kind, reason) => [
  call('revoke without a reason', 'POST', `/${kind}/{{order}}/revoke`, { body: { reason: '' }, checks: refused('EMS-969', 422, 400) }),
  call('revoke', 'POST', `/${kind}/{{order}}/revoke`, { body: { reason, note: 'walk' }, checks: status(204, 200) }),
  at(kind, 'revoked', { ...field('revocation.reason', reason), ...matches('revocation.processedAt', '/Z$/') }),
  call('revoke again', 'POST', `/${kind}/{{order}}/revoke`, { body: { reason }, checks: refused('EMS-\\d+', 422) }),
];

// others are orders that end without a certificate.
const others = (kind, body, want, code) => [
  create(kind, body, want, code),
  call('cancel without remarks', 'POST', `/${kind}/{{order}}/cancel`, { body: { reason: '' }, checks: kind.startsWith('private') ? status(204) : refused('EMS-984', 422) }),
  kind.startsWith('private') ? [] : call('cancel', 'POST', `/${kind}/{{order}}/cancel`, { body: { reason: 'not needed' }, checks: done }),
  at(kind, 'cancelled'),
  call('no key for a cancelled order', 'PUT', `/${kind}/{{order}}/csr`, { body: { csr: '{{csr2}}' }, checks: refused('EMS-\\d+', 409, 422) }),
];

// bare is what one client sends: a cancellation without any body.
const bare = (kind, body, want, code) => [
  create(kind, body, want, code),
  call('cancel without a body', 'POST', `/${kind}/{{order}}/cancel`, { checks: done }),
  at(kind, 'cancelled'),
];

const rejected = (kind, body, want, code) => [
  create(kind, body, want, code),
  call('reject', 'POST', `/${kind}/{{order}}/reject`, { body: { reason: 'not ours', rejectRemarks: 'not ours' }, checks: done }),
  at(kind, 'rejected'),
];

// prove walks through one domain's proof.
const prove = (domain, method, before, after) => [
  call('challenge', 'GET', `/ssl-certificates/{{order}}/dcv?domain=${domain}&method=${method}`, {
    checks: {
      ...status(200), ...matches('tokenExpiryDate', '/^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d$/'), ...keep('token', 'recordValue'),
      ...field('method', method), ...field('domainName', domain), ...field('dcvMethod', method === 'dns-txt' ? '2' : '1'),
      ...(method === 'dns-txt' ? { ...keep('recordName', 'recordName'), ...keep('recordValue', 'recordValue') } : keep('fileName', 'fileName')),
      'is the union of the known shapes': `const c = pm.response.json();
        const names = ${JSON.stringify(method === 'dns-txt' ? ['txtToken', 'fileNameContent', 'recordValue'] : ['fileToken', 'dvFileToken'])};
        for (const n of names) pm.expect(c[n], n).to.equal(c.token);
        pm.expect(c.dvFileName).to.equal(c.fileName);
        pm.expect(c.orderNumber).to.equal(pm.environment.get('order'));`,
    },
  }),
  before
    ? call('nothing is published', 'POST', '/ssl-certificates/{{order}}/dcv/verify', {
        body: { domain, method },
        checks: { ...status(422), ...field('diagnostics.overallStatus', 'FAILED'), ...field('diagnostics.schemaVersion', 1),
          'a next step is told': () => pm.expect(pm.response.json().diagnostics.nextSteps).to.have.length.above(0) },
      })
    : [],
  before ? at('ssl-certificates', 'pending-dcv', field('verifications.domain.status', 'PENDING')) : [],
  method === 'dns-txt' ? publish() : upload(),
  call('verify', 'POST', '/ssl-certificates/{{order}}/dcv/verify', { body: { domain, method }, checks: status(200, 204) }),
  after ? at('ssl-certificates', after, field('verifications.domain.domains[0].dcvStatus', 'VERIFIED')) : [],
];

// reissue makes the certificate again with another key; the old one is revoked.
const reissue = (kind) => [
  call('reissue without a reason', 'POST', `/${kind}/{{order}}/reissue`, { body: { mode: 'rekey' }, checks: refused('EMS-941', 400, 422) }),
  call('reissue', 'POST', `/${kind}/{{order}}/reissue`, {
    body: { mode: 'rekey', reason: 'lost', revokePrevious: true, revokeReason: 'superseded' },
    before: () => pm.environment.set('previous', pm.environment.get('order')),
    checks: {
      ...status(201), ...field('status', 'pending-csr'), ...field('mode', 'rekey'), ...matches('requestedAt', '/Z$/'), ...keep('orderId', 'order'),
      'says where': () => pm.expect(pm.response.headers.get('Location')).to.match(new RegExp(`/ssl-certificates/${pm.environment.get('order')}$`)),
    },
  }),
  call('the CSR of the reissue', 'PUT', `/${kind}/{{order}}/csr`, { body: { csr: '{{csr3}}' }, checks: done }),
  at(kind, 'issued'),
  call('look: the previous is revoked', 'GET', `/${kind}/{{previous}}`, { checks: { ...status(200), ...field('status', 'revoked'), ...field('revocation.reason', 'superseded') } }),
  download(kind),
];

// tls is the life of a TLS order from nothing but names to a certificate.
function tls({ variant, domain, additional = [], www = false, code, type, organisation, approval, method = 'dns-txt', key = 'csr', draft, again }) {
  const kind = 'ssl-certificates';
  const body = { productVariant: variant, requestor, certificate: { domain, additionalDomains: additional, autoSecureWww: www }, subscription: { validityYears: 1, autoRenew: false } };
  if (organisation) body.organization = { organizationNumber: '{{organizationNumber}}', preVetted: false };
  const first = organisation ? 'pending-organization-verification' : 'pending-dcv';
  const shown = [...new Set([domain, ...additional].map((d) => d.replace(/^\*\./, '')))];
  return [
    token,
    offered(code, type),
    call('code of another variant', 'POST', `/${kind}`, { body, headers: { 'X-Product-Code': '950' }, checks: refused('EMS-915', 422) }),
    draft
      ? call('draft', 'POST', `/${kind}`, { body: { ...body, saveAsDraft: true }, checks: { ...status(201), ...keep('requestId', 'draft'), 'has no order number': () => pm.expect(pm.response.json().orderId || '').to.equal('') } })
      : [],
    create(kind, draft ? { ...body, requestId: '{{draft}}' } : body, first, code,
      draft ? { 'is the draft': () => pm.expect(pm.response.json().requestId).to.equal(pm.environment.get('draft')) } : {}),
    call('no certificate yet', 'GET', `/${kind}/{{order}}/certificate`, { checks: refused('EMS-1165', 422, 409) }),
    organisation ? [at(kind, first), vet()] : [],
    at(kind, 'pending-dcv', { ...field('domain', domain), ...field('csrSubmitted', false) }),
    shown.map((d, i) => prove(d, method, i === 0, i === shown.length - 1 ? 'pending-csr' : 'pending-dcv')),
    call('proven already', 'POST', `/${kind}/{{order}}/dcv/verify`, { body: { domain: shown[0], method }, checks: refused('EMS-1080', 409, 422) }),
    call('revoke what is not issued', 'POST', `/${kind}/{{order}}/revoke`, { body: { reason: 'superseded' }, checks: refused('EMS-\\d+', 422) }),
    csr(kind, key),
    at(kind, 'pending-agreement', field('csrSubmitted', true)),
    agree(kind),
    approval ? [at(kind, 'pending-approval'), approve()] : [],
    at(kind, 'issued', { ...field('subscriberAgreement.signed', true), ...field('subscriberAgreement.signerName', 'Ada Lovelace') }),
    download(kind),
    call('cancel what is issued', 'POST', `/${kind}/{{order}}/cancel`, { body: { reason: 'too late' }, checks: refused('EMS-\\d+', 422) }),
    reported(domain),
    again ? reissue(kind) : [],
    call('a reason that TLS does not take', 'POST', `/${kind}/{{order}}/revoke`, { body: { reason: 'certificate-hold' }, checks: { ...status(422), ...matches('detail', '/Invalid Revoke Reason ID/') } }),
    revoke(kind, 'key-compromise'),
    // Control and organisation stand by now: the next orders wait for the key.
    others(kind, body, 'pending-csr', code),
    rejected(kind, body, 'pending-csr', code),
    bare(kind, body, 'pending-csr', code),
    approval ? [
      create(kind, { ...body, csr: '{{csr2}}', agreement }, 'pending-approval', code),
      refuse(),
      at(kind, 'rejected'),
    ] : [],
  ];
}

// signer is the life of a document signer's order.
function signer({ subjectType, code, type, organisation, subject }) {
  const kind = 'signature-certificates';
  const body = { subjectType, requestor, subject, subscription: { validityYears: 1 } };
  if (organisation) body.organization = { organizationNumber: '{{organizationNumber}}', preVetted: true };
  return [
    token,
    offered(code, type),
    call('no subject type', 'POST', `/${kind}`, { body: { requestor, subject }, checks: refused('EMS-\\d+', 400, 422) }),
    create(kind, body, 'pending-documents', code, field('subjectType', subjectType)),
    call('no document in it', 'POST', `/${kind}/{{order}}/documents`, { body: {}, checks: status(400, 415, 422) }),
    call('documents', 'POST', `/${kind}/{{order}}/documents`, { body: { file: '{{pdf}}' }, checks: status(200, 201, 204) }),
    at(kind, 'pending-approval'),
    approve(),
    at(kind, 'pending-csr'),
    csr(kind, 'csrSubject'),
    at(kind, 'pending-agreement'),
    agree(kind),
    at(kind, 'issued'),
    download(kind),
    revoke(kind, 'affiliation-changed'),
    others(kind, body, 'pending-documents', code),
    rejected(kind, body, 'pending-documents', code),
    create(kind, body, 'pending-documents', code),
    call('documents', 'POST', `/${kind}/{{order}}/documents`, { body: { file: '{{pdf}}' }, checks: status(200, 201, 204) }),
    refuse(),
    at(kind, 'rejected'),
  ];
}

const person1 = { firstName: 'Ada', lastName: 'Lovelace', email: 'ada@example.com', phone: '+442071234567', identityDocumentType: 'passport',
  identificationNumber: 'X1234567', streetAddress1: '12 St James Square', locality: 'London', state: 'London', postalCode: 'SW1Y 4JH', countryCode: 'GB' };
const company = { organizationName: '{{organizationName}}', organizationUnit: 'Legal', organizationIdentificationNumber: 'HRB12345', businessCategory: 'private' };

const page = { 'is a page': () => pm.expect(pm.response.json()).to.include.keys('content', 'page', 'size', 'totalElements', 'totalPages') };

// account looks at what clients read before they order.
const account = () => [
  token,
  call('groups', 'GET', '/groups', {
    checks: { ...status(200), ...keep('groups[0].groupNumber', 'group'), ...matches('groups[0].groupName', '/./'), ...matches('groups[0].isDefaultGroup', '/^[01]$/'), ...matches('groups[0].finance', '/^1$/') },
  }),
  call('organizations', 'GET', '/organizations?groupNumber={{group}}', {
    checks: {
      ...status(200),
      'has ours': () => pm.expect(_.map(pm.response.json().organizations, 'organizationNumber'), pm.response.text()).to.include(pm.environment.get('organizationNumber')),
    },
  }),
  call('organization', 'GET', '/organizations/{{organizationNumber}}', {
    checks: {
      ...status(200), ...field('organizationLocality', 'London'), ...field('organizationCountryCode', 'GB'), ...field('organizationPostalCode', 'SW1Y 4JH'), ...field('validationStatusId', '1'),
      'name': () => pm.expect(pm.response.json().organizationName).to.equal(pm.environment.get('organizationName')),
      'domains is a list': () => pm.expect(pm.response.json().domains).to.be.an('array'),
    },
  }),
  call('no such organization', 'GET', '/organizations/9999999', { checks: refused('EMS-\\d+', 404) }),
  call('catalogue of the group', 'GET', '/catalog/products?groupNumber={{group}}', {
    checks: { ...status(200), 'categories': () => pm.expect(_.map(pm.response.json().products, (c) => String(c.categoryID))).to.eql(['3']) },
  }),
  call('custom fields', 'GET', '/catalog/products/846/custom-fields', {
    checks: { ...status(200), 'both lists': () => {
      pm.expect(pm.response.json().customFields[0].certificateInformation).to.be.an('array');
      pm.expect(pm.response.json().customFields[0].additionalInformation).to.be.an('array');
    } },
  }),
  call('no such product', 'GET', '/catalog/products/7777/custom-fields', { checks: refused('EMS-915', 404, 422) }),
  call('ledger', 'GET', '/reports/ledger?groupNumber={{group}}&page=1&size=1000', { checks: { ...status(200), ...page } }),
  call('orders', 'GET', '/reports/orders?groupNumber={{group}}&status=issued&from=2026-01-01T00:00:00Z&page=1&size=0', { checks: { ...status(200), ...page } }),
  call('orders of an unknown status', 'GET', '/reports/orders?status=lost', { checks: refused('EMS-\\d+', 422) }),
  call('a body that is no JSON', 'POST', '/ssl-certificates', { headers: { 'Content-Type': 'application/json' }, body: '{', checks: refused('EMS-902', 400) }),
  call('a body of another type', 'POST', '/ssl-certificates', { headers: { 'Content-Type': 'text/plain' }, body: '{}', checks: status(415) }),
  call('an order without anything', 'POST', '/ssl-certificates', {
    body: {},
    checks: { ...status(400), 'fields are named': () => pm.expect(_.map(pm.response.json().errors, 'field'), pm.response.text()).to.include.members(['requestor.name', 'requestor.email']) },
  }),
  call('wrong method', 'DELETE', '/groups', { checks: { ...status(405), 'the right ones are told': () => pm.expect(pm.response.headers.get('Allow')).to.match(/GET/) } }),
  call('no such resource', 'GET', '/nothing', { checks: status(404) }),
  call('a type that is not made', 'GET', '/groups', { headers: { Accept: 'image/png' }, checks: status(406) }),
  call('no such order', 'GET', '/ssl-certificates/9999999999', { checks: refused('EMS-\\d+', 404) }),
];

// domains walks through the life of a registered domain.
const domains = (s) => {
  const name = `site.${s.zone}`;
  return [
    token,
    call('register', 'POST', '/domains', {
      body: { domainName: name, organizationId: '{{organizationNumber}}', dcvMethod: 'dns-txt', skipCAA: false },
      checks: { ...status(201), ...keep('domainId', 'domain'), ...field('domainName', name), ...field('dcvStatus', 'PENDING'), ...field('status', 'ACTIVE'), ...field('domainStatus', 'ACTIVE'),
        ...keep('dcv.txtToken', 'recordValue'), 'says where': () => pm.expect(pm.response.headers.get('Location')).to.match(/\/domains\/./) },
    }),
    call('register again', 'POST', '/domains', { body: { domainName: name, organizationId: '{{organizationNumber}}' }, checks: refused('EMS-DOMAIN-002', 409) }),
    call('no domain name', 'POST', '/domains', { body: { domainName: 'no domain', organizationId: '{{organizationNumber}}' }, checks: refused('EMS-DOMAIN-003', 422) }),
    call('attempts before', 'GET', '/domains/{{domain}}/dcv/attempts/last', { checks: refused('EMS-\\d+', 404) }),
    call('change over to a file', 'PATCH', '/domains/{{domain}}/dcv/method', { body: { dcvMethod: 'http-url' }, checks: status(200) }),
    call('and back', 'PATCH', '/domains/{{domain}}/dcv/method', { body: { dcvMethod: 'dns-txt' }, checks: status(200) }),
    call('challenge', 'GET', '/domains/{{domain}}/dcv', { checks: { ...status(200), ...keep('recordName', 'recordName'), ...keep('recordValue', 'recordValue') } }),
    call('nothing is published', 'POST', '/domains/{{domain}}/dcv/verify', { body: {}, checks: { ...status(422), ...field('diagnostics.overallStatus', 'FAILED') } }),
    call('attempts', 'GET', '/domains/{{domain}}/dcv/attempts?offset=0&limit=10', {
      checks: { ...status(200), ...page, ...field('totalElements', 1), ...field('content[0].overallStatus', 'FAILED'), ...keep('content[0].attemptId', 'attempt') },
    }),
    call('one attempt', 'GET', '/domains/{{domain}}/dcv/attempts/{{attempt}}', { checks: status(200) }),
    publish(),
    call('verify', 'POST', '/domains/{{domain}}/dcv/verify', { body: {}, checks: status(200, 204) }),
    call('last attempt', 'GET', '/domains/{{domain}}/dcv/attempts/last', { checks: { ...status(200), ...matches('method', '/dns.txt/i'), ...matches('diagnostics.overallStatus', '/^(VERIFIED|PASSED|SUCCESS)$/') } }),
    call('verify again', 'POST', '/domains/{{domain}}/dcv/verify', { body: {}, checks: refused('EMS-1080', 409, 422) }),
    call('domain', 'GET', '/domains/{{domain}}', { checks: { ...status(200), ...field('domainName', name), ...field('dcvStatus', 'VERIFIED'), ...field('dcv.method', 'dns-txt'), ...matches('verifiedAt', '/./') } }),
    call('search', 'GET', `/domains?search=site&domainStatus=ACTIVE&dcvStatus=VERIFIED&offset=0&limit=5&sortBy=domainName&sortDir=asc`, {
      checks: { ...status(200), ...page, ...field('totalElements', 1), ...field('content[0].domainName', name), ...matches('content[0].validTill', '/./') },
    }),
    call('search without effect', 'GET', '/domains?search=nowhere', { checks: { ...status(200), ...field('totalElements', 0), ...field('content', []) } }),
    create('ssl-certificates', { productVariant: 'ov', requestor, organization: { organizationNumber: '{{organizationNumber}}', preVetted: true },
      certificate: { domain: `www.${name}`, autoSecureWww: false }, csr: '{{csr2}}', agreement }, 'pending-approval', '846'),
    call('renew', 'POST', '/domains', { body: { domainName: name, organizationId: '{{organizationNumber}}', mode: 'renew' }, checks: { ...status(200), ...field('domainName', name) } }),
    call('deactivate', 'POST', '/domains/{{domain}}/deactivate', { body: {}, checks: { ...status(200), ...field('domainStatus', 'INACTIVE'), ...matches('deactivatedAt', '/./'), ...matches('message', '/./') } }),
    call('no such domain', 'GET', '/domains/nothing', { checks: refused('EMS-\\d+', 404) }),
  ];
};

// older is a client of the older generation: the token by a signed request, the
// product by its code.
const older = (s) => {
  const kind = 'private-pki-certificates';
  const code = { 'X-Product-Code': '950' };
  const sign = () => {
    const ts = new Date().toISOString();
    const txn = CryptoJS.lib.WordArray.random(12).toString(CryptoJS.enc.Hex);
    pm.variables.set('ts', ts);
    pm.variables.set('txn', txn);
    pm.variables.set('authKey', CryptoJS.SHA256(pm.environment.get('accessKey') + ts + txn).toString(CryptoJS.enc.Hex));
  };
  const body = { grant_type: 'client_credentials', accountNumber: '{{accountNumber}}', authKey: '{{authKey}}', ver: '1.0', ts: '{{ts}}', txn: '{{txn}}' };
  return [
    step('signed wrongly', 'POST', '{{main}}/oauth/token', { body: { ...body, authKey: 'x{{authKey}}' }, before: sign, checks: { ...status(401), ...field('error', 'invalid_client') } }),
    step('token', 'POST', '{{main}}/oauth/token', { body, before: sign, checks: { ...status(200), ...keep('tokenDetails.accessToken', 'token') } }),
    step('the OAuth form with an access key', 'POST', '{{main}}/oauth/token', {
      body: { form: { grant_type: 'client_credentials', client_id: '{{accountNumber}}', client_secret: '{{accessKey}}' } },
      checks: { ...status(403), ...field('error', 'unauthorized_client') },
    }),
    call('who am I', 'GET', '/auth/me', { checks: { ...status(200), ...field('authType', 'legacy') } }),
    call('another code', 'POST', `/${kind}`, { headers: { 'X-Product-Code': '842' }, body: { variant: 'intranet-ssl', hostname: `old.${s.zone}`, requestor, csr: '{{csr}}' }, checks: refused('EMS-915', 422) }),
    call('create', 'POST', `/${kind}`, {
      headers: code, body: { variant: 'intranet-ssl', hostname: `old.${s.zone}`, requestor, csr: '{{csr}}' },
      checks: { ...status(201), ...field('status', 'issued'), ...keep('orderId', 'order'), ...matches('_links.self.href', '/private-pki-certificates/'), ...matches('_links.certificate.href', '/certificate$/') },
    }),
    download(kind),
    call('revoke by a name of RFC 5280', 'POST', `/${kind}/{{order}}/revoke`, { body: { reason: 'cessationOfOperation' }, checks: status(200, 204) }),
    at(kind, 'revoked', field('revocation.reason', 'cessation-of-operation')),
  ];
};

// walks: family to what makes its steps from the settings.
export const walks = {
  'account': account,
  'domains': domains,
  'older': older,
  'dv': (s) => tls({ variant: 'dv', domain: `dv.${s.zone}`, www: true, code: '842', type: '13', draft: true, again: true }),
  'dv-wildcard': (s) => tls({ variant: 'dv-wildcard', domain: `*.wild.${s.zone}`, code: '843', type: '14' }),
  'dv-ucc': (s) => tls({ variant: 'dv-ucc', domain: `one.${s.zone}`, additional: [`two.${s.zone}`, `three.${s.zone}`], code: '844', type: '15', method: 'http-url', key: 'csrPem' }),
  'ov': (s) => tls({ variant: 'ov', domain: `ov.${s.zone}`, code: '846', type: '16', organisation: true, approval: true }),
  'ev': (s) => tls({ variant: 'ev', domain: `ev.${s.zone}`, code: '850', type: '19', organisation: true, approval: true, key: 'csrPem' }),
  'natural-person': () => signer({ subjectType: 'natural-person', code: '819', type: '10', subject: person1 }),
  'legal-person': () => signer({ subjectType: 'legal-person', code: '822', type: '11', organisation: true, subject: { ...person1, ...company, designation: 'Counsel' } }),
  'legal-entity': () => signer({ subjectType: 'legal-entity', code: '825', type: '12', organisation: true, subject: { ...company, email: 'seal@example.com', countryCode: 'GB', locality: 'London' } }),
  'private-pki': (s) => {
    const kind = 'private-pki-certificates';
    const body = { variant: 'intranet-ssl', hostname: `intranet.${s.zone}`, additionalHosts: ['10.1.2.3', '2001:db8::1'], requestor };
    return [
      token,
      offered('950', '39'),
      call('no variant', 'POST', `/${kind}`, { body: { ...body, variant: undefined }, checks: refused('EMS-\\d+', 400, 422) }),
      create(kind, body, 'pending-csr', '950', { ...field('variant', 'intranet-ssl'), ...field('hostname', body.hostname) }),
      call('no certificate yet', 'GET', `/${kind}/{{order}}/certificate`, { checks: refused('EMS-1165', 422, 409) }),
      at(kind, 'pending-csr'),
      csr(kind),
      at(kind, 'issued'),
      download(kind),
      reported(body.hostname),
      revoke(kind, 'aa-compromise'),
      others(kind, body, 'pending-csr', '950'),
      create(kind, { ...body, csr: '{{csr2}}' }, 'issued', '950'),
      revoke(kind, 'superseded'),
    ];
  },
  'smime': () => {
    const kind = 'smime-certificates';
    const body = { requestor, subject: { firstName: 'Ada', lastName: 'Lovelace', email: 'ada@example.com' } };
    return [
      token,
      offered('894', '41'),
      create(kind, body, 'pending-csr', '894'),
      csr(kind, 'csrSubject'),
      at(kind, 'issued'),
      download(kind),
      revoke(kind, 'cessation-of-operation'),
      others(kind, body, 'pending-csr', '894'),
    ];
  },
};

