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
      'the version is told': () => pm.expect(pm.response.headers.get('X-API-Version')).to.equal('2.0.0'),
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
      ...(method === 'dns-txt' ? { ...keep('recordName', 'recordName'), ...keep('recordValue', 'recordValue') } : keep('fileName', 'fileName')),
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

// tls is the life of a TLS order from nothing but names to a certificate.
function tls({ variant, domain, additional = [], www = false, code, type, organisation, approval, method = 'dns-txt', key = 'csr', draft }) {
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
    call('proven already', 'POST', `/${kind}/{{order}}/dcv/verify`, { body: { domain: shown[0], method }, checks: { 'says so or is content': () => {
      if (pm.response.code >= 300) pm.expect(pm.response.json().detail).to.match(/^\[EMS-1080\]/);
    } } }),
    call('revoke what is not issued', 'POST', `/${kind}/{{order}}/revoke`, { body: { reason: 'superseded' }, checks: refused('EMS-\\d+', 422) }),
    csr(kind, key),
    at(kind, 'pending-agreement', field('csrSubmitted', true)),
    agree(kind),
    approval ? [at(kind, 'pending-approval'), approve()] : [],
    at(kind, 'issued', { ...field('subscriberAgreement.signed', true), ...field('subscriberAgreement.signerName', 'Ada Lovelace') }),
    download(kind),
    call('cancel what is issued', 'POST', `/${kind}/{{order}}/cancel`, { body: { reason: 'too late' }, checks: refused('EMS-\\d+', 422) }),
    reported(domain),
    call('a reason that TLS does not take', 'POST', `/${kind}/{{order}}/revoke`, { body: { reason: 'certificate-hold' }, checks: { ...status(422), ...matches('detail', '/Invalid Revoke Reason ID/') } }),
    revoke(kind, 'key-compromise'),
    // Control and organisation stand by now: the next orders wait for the key.
    others(kind, body, 'pending-csr', code),
    rejected(kind, body, 'pending-csr', code),
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

// walks: family to what makes its steps from the settings.
export const walks = {
  'dv': (s) => tls({ variant: 'dv', domain: `dv.${s.zone}`, www: true, code: '842', type: '13', draft: true }),
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

