// The walks over the first generation: POST /emSignHub-API/<Method>, signed by
// a hash over access key, time and transaction number, always answered with 200.
import { approve, field, keep, matches, publish, refuse, status, step, upload, vet } from './steps.mjs';

// sign computes the meta block before each request, as the vendor's collection
// does.
function sign() {
  const ts = new Date().toISOString();
  const txn = CryptoJS.lib.WordArray.random(12).toString(CryptoJS.enc.Hex);
  pm.variables.set('ts', ts);
  pm.variables.set('txn', txn);
  pm.variables.set('authKey', CryptoJS.SHA256(pm.environment.get('accessKey') + ts + txn).toString(CryptoJS.enc.Hex));
}

const meta = { ver: '1.0', ts: '{{ts}}', txn: '{{txn}}', accountNumber: '{{accountNumber}}', authKey: '{{authKey}}' };

// ok and failed are what every answer says in its meta block.
const echoed = {
  ...status(200),
  'txn comes back': `pm.expect(pm.response.json().meta.txn).to.equal(JSON.parse(pm.request.body.raw).meta.txn)`,
  'version': () => pm.expect(pm.response.json().meta.ver).to.equal('1.0'),
};
const ok = {
  ...echoed,
  'succeeded': () => {
    const m = pm.response.json().meta;
    pm.expect([m.status, m.errorCode, m.errorMessage], pm.response.text()).to.eql(['1', '', '']);
  },
};
const failed = (code) => ({
  ...echoed,
  [`failed with ${code}`]: `const m = pm.response.json().meta;
    pm.expect(m.status, pm.response.text()).to.equal('0');
    pm.expect(m.errorCode, pm.response.text()).to.match(/^EMS-(${code})$/);
    pm.expect(m.errorMessage).to.be.a('string').and.not.empty;`,
});

// call is a signed request.
const call = (method, blocks = {}, checks = ok, name = method) =>
  step(name, 'POST', `{{main}}/emSignHub-API/${method}`, { body: { meta, ...blocks }, before: sign, checks: { ...checks } });

const requestorInformation = { requestorName: 'Ada Lovelace', requestorIsdCode: '44', requestorMobileNumber: '2071234567', requestorEmail: 'ada@example.com', requestorDesignation: 'Engineer' };
const requestorEmail = requestorInformation.requestorEmail;
const orderNumber = '{{order}}';

// start is what every client does first.
const start = (code) => [
  call('ValidateCredentials'),
  call('validatecredentials', {}, ok, 'method names without regard to case'),
  step('the same txn again', 'POST', '{{main}}/emSignHub-API/ValidateCredentials', {
    body: { meta: { ...meta, txn: '{{once}}' } },
    before: () => {
      const ts = new Date().toISOString();
      const once = pm.environment.get('once') || CryptoJS.lib.WordArray.random(12).toString(CryptoJS.enc.Hex);
      pm.environment.set('once', once);
      pm.variables.set('ts', ts);
      pm.variables.set('authKey', CryptoJS.SHA256(pm.environment.get('accessKey') + ts + once).toString(CryptoJS.enc.Hex));
    },
    checks: ok,
  }),
  step('the same txn again', 'POST', '{{main}}/emSignHub-API/ValidateCredentials', {
    body: { meta: { ...meta, txn: '{{once}}' } },
    before: () => {
      const ts = new Date().toISOString();
      pm.variables.set('ts', ts);
      pm.variables.set('authKey', CryptoJS.SHA256(pm.environment.get('accessKey') + ts + pm.environment.get('once')).toString(CryptoJS.enc.Hex));
    },
    checks: failed('947'),
  }),
  step('a wrong hash', 'POST', '{{main}}/emSignHub-API/ValidateCredentials', {
    body: { meta: { ...meta, authKey: '0000000000000000000000000000000000000000000000000000000000000000' } }, before: sign, checks: failed('1065|907'),
  }),
  call('GetProductDetails', { productDetails: { groupNumber: '' } }, {
    ...ok,
    [`has ${code}`]: `const all = [].concat(pm.response.json().productDetails).flatMap((c) => c.products);
      pm.expect(all.map((p) => p.productCode), pm.response.text()).to.include('${code}');`,
  }),
];

// generate makes an order.
const generate = (method, orderDetails) =>
  call(method, { orderDetails }, {
    ...ok, ...matches('orderDetails.requestNumber', '/^\\d{10}$/'), ...matches('orderDetails.orderNumber', '/^\\d{10}$/'), ...keep('orderDetails.orderNumber', 'order'),
    ...matches('orderDetails.trackingUrl', '/^https:/'),
    'both spellings': () => pm.expect(pm.response.json().orderDetails.trackingURL).to.equal(pm.response.json().orderDetails.trackingUrl),
  });

// track looks at the order.
const track = (what, checks) => call('TrackOrder', { orderDetails: { orderNumber } }, { ...ok, ...checks }, `track: ${what}`);
const waiting = {
  'is not done': () => pm.expect(pm.response.json().orderDetails.orderStatusId, pm.response.text()).to.be.oneOf(['1', '2', '3', '8']),
};
const issued = {
  ...field('orderDetails.orderStatusId', '6'), ...field('orderDetails.csr', '1'),
  'the certificate is there': () => pm.expect(pm.response.json().orderDetails.certificateStatusId, pm.response.text()).to.be.oneOf(['9', '15', '20']),
};
const ended = (id) => field('orderDetails.orderStatusId', id);

const submitCSR = (which = 'csr') => [
  call('SubmitCSR', { orderDetails: { orderNumber, requestorEmail, csr: 'bm90IGEgQ1NS' } }, failed('952|1052'), 'a CSR that is none'),
  call('SubmitCSR', { orderDetails: { orderNumber, requestorEmail, csr: `{{${which}}}` } }),
];
const agree = () => [
  call('AgreementAcceptance', { agreementDetails: { requestorEmail, orderNumber, acceptAgreement: '1', signerName: 'Ada Lovelace', signerPlace: 'London', signerIP: '192.0.2.1' } }),
];
const download = () => [
  call('GetCertificate', { orderDetails: { requestorEmail, orderNumber } }, {
    ...ok, ...keep('certificateDetails.endEntityCertificate', 'certificate'), ...keep('certificateDetails.certificateSerialNumber', 'serial'),
    'both spellings': () => pm.expect(pm.response.json().certificateDetails.ceritficateSerialNumber).to.equal(pm.response.json().certificateDetails.certificateSerialNumber),
    ...matches('certificateDetails.rootCertificate', '/./'), ...matches('certificateDetails.expiryDate', '/./'),
  }),
];
const report = (domain) =>
  call('GetOrderReport', { searchCriteria: { orderNumber, pageNumber: '1', pageSize: '10' } }, {
    ...ok,
    'has this order and no other': `const d = pm.response.json().orderDetails;
      pm.expect(d.ordersArray, pm.response.text()).to.have.length(1);
      pm.expect(d.ordersArray[0].orderNumber).to.equal(pm.environment.get('order'));
      ${domain ? `pm.expect(d.ordersArray[0].domainName).to.contain(${JSON.stringify(domain)});` : ''}
      pm.expect(d.totalNoOfResults).to.equal(1);`,
  });
const revoke = (id) => [
  call('RevokeOrder', { revocationDetails: { orderNumber, requestorEmail, revokeReasonId: '', revokeRemarks: 'walk' } }, failed('969'), 'revoke without a reason'),
  call('RevokeOrder', { revocationDetails: { orderNumber, requestorEmail, revokeReasonId: id, revokeRemarks: 'a;b' } }, failed('1213|975|971'), 'remarks that are refused'),
  call('RevokeOrder', { revocationDetails: { orderNumber, requestorEmail, revokeReasonId: id, revokeRemarks: 'walk' } }),
  track('revoked', { ...field('orderDetails.certificateStatusId', '22'), ...field('orderDetails.revocationDetails.revokeReasonId', id) }),
  call('RevokeOrder', { revocationDetails: { orderNumber, requestorEmail, revokeReasonId: id, revokeRemarks: 'walk' } }, failed('972|973'), 'revoke again'),
];

// others are orders and drafts that end without a certificate.
const others = (method, orderDetails) => [
  generate(method, orderDetails),
  call('RejectOrder', { orderDetails: { orderNumber, rejectRemarks: '' } }, failed('964'), 'reject without remarks'),
  call('RejectOrder', { orderDetails: { orderNumber, rejectRemarks: 'not needed' } }),
  track('rejected', { 'is rejected or cancelled': () => pm.expect(pm.response.json().orderDetails.orderStatusId, pm.response.text()).to.be.oneOf(['4', '5']) }),
  call('SubmitCSR', { orderDetails: { orderNumber, requestorEmail, csr: '{{csr2}}' } }, failed('\\d+'), 'no key for a rejected order'),
  call(method, { orderDetails: { ...orderDetails, saveAndHold: '1' } }, {
    ...ok, ...field('orderDetails.orderNumber', ''), ...keep('orderDetails.requestNumber', 'draft'),
  }, 'draft'),
  call('RejectRequest', { orderDetails: { requestNumber: '{{draft}}', rejectRemarks: 'not needed' } }),
  call('RejectRequest', { orderDetails: { requestNumber: '{{draft}}', rejectRemarks: 'not needed' } }, failed('\\d+'), 'reject the draft again'),
];

// prove walks through one domain's proof; dcvMethod 1 is DNS, 2 a file. Clients
// of the vendor publish at a label that they know; others where they are told.
const prove = (domainName, dcvMethod, before, after, label) => [
  call('GetDcv', { dcvDetails: { requestorEmail, orderNumber, domainName, dcvMethod } },
    dcvMethod === '1'
      ? { ...ok, ...keep('dcvDetails.token', 'recordValue'), ...keep('dcvDetails.recordName', 'recordName') }
      : { ...ok, ...keep('dcvDetails.fileName', 'fileName'), ...keep('dcvDetails.fileContent', 'recordValue') }),
  before ? [
    call('VerifyDcv', { dcvDetails: { requestorEmail, orderNumber, domainName, dcvMethod } }, failed('1076|1077|1078|1160'), 'nothing is published'),
    track('domain pending', { ...waiting, ...field('orderDetails.domainVerification.status', '0') }),
  ] : [],
  dcvMethod === '1' ? publish(label ? `${label}.${domainName}` : undefined) : upload(),
  call('VerifyDcv', { orderDetails: { requestorEmail, orderNumber, domainName, dcvMethod } }, ok, 'verify, in the other block'),
  track('domain verified', {
    ...(after ? field('orderDetails.domainVerification.status', '1') : {}),
    'the domain is verified': `const all = pm.response.json().orderDetails.domainVerification;
      const d = all[${JSON.stringify(domainName)}] || all[${JSON.stringify(`*.${domainName}`)}];
      pm.expect(d, pm.response.text()).to.be.an('object');
      pm.expect(d.dcvStatus, pm.response.text()).to.equal('1');`,
  }),
];

// tls is the life of a TLS order.
function tls({ domain, additional = [], code, organisation, approval, dcvMethod = '1', key = 'csr', ev, label }) {
  const method = 'GenerateOrderSSL';
  const certificateInformation = { domainName: domain, additionalDomains: additional, autoSecureWWW: '0' };
  const orderDetails = { productCode: code, accountingModel: '1', saveAndHold: '0', emailNotifications: '0', requestorInformation, certificateInformation,
    subscriptionDetails: { validity: '1', autoRenew: '0', renewCriteria: '30' }, additionalInformation: { remarks: 'walk', tags: 'team:web' } };
  if (organisation) {
    orderDetails.organizationDetails = { preVetting: '0', organizationNumber: '{{organizationNumber}}' };
    Object.assign(certificateInformation, { organizationName: '{{organizationName}}', organizationUnit: 'Web', streetAddress1: '12 St James Square', streetAddress2: 'First floor',
      locality: 'London', state: 'London', countryCode: 'GB', postalCode: 'SW1Y 4JH' });
  }
  if (ev) {
    const who = { name: 'Grace Hopper', email: 'grace@example.com', isdCode: '44', mobileNumber: '2071234567', designation: 'Director', employeeID: '7' };
    certificateInformation.companyRegistrationNumber = 'HRB12345';
    Object.assign(orderDetails, { contractSignerInfo: who, certificateApproverInfo: { ...who, name: 'Mary Shelley', email: 'mary@example.com' } });
  }
  const shown = [...new Set([domain, ...additional].map((d) => d.replace(/^\*\./, '')))];
  return [
    start(code),
    generate(method, orderDetails),
    call('GetCertificate', { orderDetails: { requestorEmail, orderNumber } }, failed('\\d+'), 'no certificate yet'),
    organisation ? [track('organisation', waiting), vet()] : [],
    track('domains', { ...waiting, ...field('orderDetails.csr', '0') }),
    shown.map((d, i) => prove(d, dcvMethod, i === 0, i === shown.length - 1, label)),
    submitCSR(key),
    track('agreement', { ...waiting, ...field('orderDetails.csr', '1'), ...field('orderDetails.subscriberAgreement.status', '0') }),
    agree(),
    approval ? [track('approval', waiting), approve()] : [],
    track('issued', { ...issued, ...field('orderDetails.subscriberAgreement.signerName', 'Ada Lovelace') }),
    call('AgreementAcceptance', { agreementDetails: { requestorEmail, orderNumber, acceptAgreement: '1', signerName: 'Ada Lovelace', signerPlace: 'London', signerIP: '192.0.2.1' } }, failed('\\d+'), 'signed already'),
    download(),
    report(shown[0]),
    revoke('1'),
    others(method, orderDetails),
    approval ? [
      generate(method, { ...orderDetails, csr: '{{csr2}}', agreementDetails: { acceptAgreement: '1', signerName: 'Ada Lovelace', signerPlace: 'London', signerIP: '192.0.2.1' } }),
      refuse(),
      track('rejected by a person', ended('4')),
    ] : [],
  ];
}

// signer is the life of a document signer's order.
function signer({ code, organisation, certificateInformation }) {
  const method = 'GenerateOrderSignature';
  const orderDetails = { productCode: code, accountingModel: '1', saveAndHold: '0', requestorInformation, certificateInformation, subscriptionDetails: { validity: '1', autoRenew: '0' } };
  if (organisation) orderDetails.organizationDetails = { preVetting: '1', organizationNumber: '{{organizationNumber}}', prevettingToken: '{{prevettingToken}}' };
  const documents = { orderNumber, requestorEmail, documentsAttached: [{ id: '1', fileName: 'passport.pdf', description: 'passport', base64Value: '{{pdfBase64}}' }] };
  return [
    start(code),
    organisation ? call('GetOrganizationDetails', { organizationDetails: { organizationNumber: '{{organizationNumber}}', groupNumber: '' } }, {
      ...ok, ...keep('organizationDetails.prevettingToken', 'prevettingToken'),
    }) : [],
    generate(method, orderDetails),
    track('documents', waiting),
    call('SubmitDocument', { orderDetails: { ...documents, documentsAttached: [{ id: '1', fileName: 'a.pdf', description: 'x', base64Value: 'bm8gUERG' }] } }, failed('994|99\\d'), 'a document that is no PDF'),
    call('SubmitDocument', { orderDetails: documents }),
    track('approval', waiting),
    approve(),
    track('key', waiting),
    submitCSR('csrSubject'),
    track('agreement', waiting),
    agree(),
    track('issued', issued),
    download(),
    report(),
    revoke('3'),
    others(method, orderDetails),
  ];
}

// account looks at what clients read before they order.
const account = () => [
  start('846'),
  call('GetGroupDetails', {}, { ...ok, ...keep('accountDetails.groups[0].groupNumber', 'group'), ...matches('accountDetails.roleId', '/^[13456]$/'), ...matches('accountDetails.groups[0].isDefaultGroup', '/^[01]$/') }),
  call('GetGroupDetailsV2', { groupDetails: { groupNumber: '{{group}}' } }, { ...ok, 'tells of the group': () => pm.expect(pm.response.text()).to.contain(pm.environment.get('group')) }),
  call('GetGroupDetailsV2', { groupDetails: { groupNumber: '9999999999' } }, failed('1136|1137|1142'), 'the group of others'),
  call('GetOrganizationDetails', { organizationDetails: { organizationNumber: '{{organizationNumber}}', groupNumber: '{{group}}' } }, {
    ...ok, ...keep('organizationDetails.prevettingToken', 'prevettingToken'), ...field('organizationDetails.validationStatusId', '1'),
    'name': () => pm.expect(pm.response.json().organizationDetails.organizationName).to.equal(pm.environment.get('organizationName')),
  }),
  call('GetFieldDetails', { productDetails: { groupNumber: '{{group}}', categoryID: '3', productCode: '846' } }),
  call('GetDomainDetails'),
  call('GetLedgerStatementDetails', { statementDetails: { groupNumber: '{{group}}', pageNumber: '1', pageSize: '10' } }),
  call('GetOrderReport', { searchCriteria: { pageNumber: '1', pageSize: '10', orderStatusId: '6' } }, { ...ok, ...matches('orderDetails.currentPage', '/^1$/') }),
  call('TrackOrder', { orderDetails: { orderNumber: '9999999999' } }, failed('1039|1040|942|943|1197'), 'no such order'),
  step('an unsigned request', 'POST', '{{main}}/emSignHub-API/ValidateCredentials', { body: { meta: { ...meta, authKey: '' } }, before: sign, checks: failed('1066') }),
  step('another version', 'POST', '{{main}}/emSignHub-API/ValidateCredentials', { body: { meta: { ...meta, ver: '9.9' } }, before: sign, checks: { ...status(200), ...field('meta.errorCode', 'EMS-911') } }),
  step('another account', 'POST', '{{main}}/emSignHub-API/ValidateCredentials', { body: { meta: { ...meta, accountNumber: '1000000000' } }, before: sign, checks: failed('913') }),
];

const person = { firstName: 'Ada', lastName: 'Lovelace', email: 'ada@example.com', designation: 'Counsel', identificationNumber: 'X1234567', streetAddress1: '12 St James Square',
  locality: 'London', state: 'London', postalCode: 'SW1Y 4JH', countryCode: 'GB' };
const company = { organizationName: '{{organizationName}}', organizationUnit: 'Legal', organizationIdentificationNumber: 'HRB12345' };

// walks: family to what makes its steps from the settings.
export const walks = {
  'account': account,
  'dv': (s) => tls({ label: '_emudhra-challenge', domain: `dv.${s.zone}`, code: '842' }),
  'dv-wildcard': (s) => tls({ domain: `*.wild.${s.zone}`, code: '843' }),
  'dv-ucc': (s) => tls({ domain: `one.${s.zone}`, additional: [`two.${s.zone}`, `three.${s.zone}`], code: '844', dcvMethod: '2', key: 'csrPem' }),
  'ov': (s) => tls({ domain: `ov.${s.zone}`, code: '846', organisation: true, approval: true }),
  'ev': (s) => tls({ domain: `ev.${s.zone}`, code: '850', organisation: true, approval: true, ev: true, key: 'csrPem' }),
  'natural-person': () => signer({ code: '819', certificateInformation: person }),
  'legal-person': () => signer({ code: '822', organisation: true, certificateInformation: { ...person, ...company } }),
  'legal-entity': () => signer({ code: '825', organisation: true, certificateInformation: { ...company, email: 'seal@example.com', countryCode: 'GB', locality: 'London' } }),
  'private-pki': (s) => {
    const method = 'GenerateOrderPrivatePKI';
    const orderDetails = { productCode: '950', accountingModel: '1', saveAndHold: '0', requestorInformation,
      certificateInformation: { domainName: `intranet.${s.zone}`, additionalDomains: ['10.1.2.3'] }, subscriptionDetails: { validity: '1', autoRenew: '0' } };
    return [
      start('950'),
      generate(method, orderDetails),
      track('key', waiting),
      submitCSR(),
      track('issued', issued),
      download(),
      report(`intranet.${s.zone}`),
      revoke('4'),
      others(method, orderDetails),
      generate(method, { ...orderDetails, csr: '{{csr2}}' }),
      track('issued at once', issued),
    ];
  },
  'smime': () => {
    const method = 'GenerateOrderSMIME';
    const orderDetails = { productCode: '894', accountingModel: '1', saveAndHold: '0', requestorInformation,
      certificateInformation: { commonName: 'Ada Lovelace', firstName: 'Ada', lastName: 'Lovelace', email: 'ada@example.com' }, subscriptionDetails: { validity: '1', autoRenew: '0' } };
    return [
      start('894'),
      generate(method, orderDetails),
      track('key', waiting),
      submitCSR('csrSubject'),
      track('issued', issued),
      download(),
      report(),
      revoke('5'),
      others(method, orderDetails),
    ];
  },
};
