// The part of the catalogue (text.ts) for live updates and for the forms of
// products and CAs.
import type { Schemas } from './api/client'

type Profile = Schemas['Profile']
type Words<T extends string | undefined> = Record<NonNullable<T>, string>

// Every field of a profile has a label: one that the API gets and this lacks does not compile.
const fields = {
  validity_amount: 'Longest validity', validity_unit: 'Unit', backdate_minutes: 'Backdate (minutes)', keys: 'Key types', subject: 'Subject attributes', unknown_subject: 'Attributes without a rule', names: 'Names (SAN)',
  unknown_names: 'Names of a kind without a rule', common_name: 'Common name', key_usage: 'Key usage', ext_key_usage: 'Extended key usage', policies: 'Certificate policies', extensions: 'Further extensions', pass_through: 'Extensions copied from the request',
  lint: 'Lint', lint_exclude: 'Lints that do not apply', approval: 'Approval', approvals: 'People who must agree', validate_names: 'Control of every name must be proven', caa: 'CAA issuer names', renew_days: 'Renewal opens (days before the end)',
  renew_same_key: 'A renewal may use the old key', renew_grace_days: 'Renewal after expiry (days)', server_keys: 'The server may make the key', key_export: 'A key made here may be fetched again', quota: 'Most valid certificates of a credential',
  notify: 'Mail about expiry also to', terms: 'Order terms', reuse_days: 'A proof serves orders (days)', ancestors: 'The proof of a domain covers names below it',
} satisfies Record<keyof Profile, string>

const choices = {
  validity_unit: { hours: 'hours', days: 'days', months: 'months', years: 'years' } satisfies Words<Profile['validity_unit']>,
  common_name: { 'as-is': 'As asked', 'from-san': 'The first name that fits', 'in-san': 'Must be one of the names', none: 'Never written' } satisfies Words<Profile['common_name']>,
  unknown_subject: { drop: 'Leave them out', refuse: 'Refuse the request' } satisfies Words<Profile['unknown_subject']>,
  unknown_names: { refuse: 'Refuse the request', drop: 'Leave them out' } satisfies Words<Profile['unknown_names']>,
  lint: { private: 'Private PKI (RFC 5280)', 'public-tls': 'Public TLS (CA/B Baseline Requirements)', 'public-smime': 'Public S/MIME (CA/B)', none: 'None' } satisfies Words<Profile['lint']>,
  approval: { automatic: 'Automatic', manual: 'By people' } satisfies Words<Profile['approval']>,
  mode: { optional: 'Optional', required: 'Required', fixed: 'Fixed' } satisfies Words<Schemas['SubjectRule']['mode']>,
  kind: { dns: 'DNS name', ip: 'IP address', email: 'E-mail address', uri: 'URI', upn: 'User principal name', other: 'Other name' } satisfies Words<Schemas['NameRule']['kind']>,
  family: {
    'private-pki': 'Private PKI', dv: 'TLS, domain validated', ov: 'TLS, organisation validated', ev: 'TLS, extended validation', smime: 'S/MIME', 'document-signer-natural-person': 'Document signer, natural person',
    'document-signer-legal-person': 'Document signer, legal person', 'document-signer-legal-entity': 'Document signer, legal entity',
  } satisfies Words<Schemas['OrderTerms']['family']>,
  shape: { single: 'One name', wildcard: 'Wildcard', ucc: 'Several names', 'wildcard-ucc': 'Several names with wildcards' },
  fieldType: { text: 'Text', dropdown: 'Choice', datePicker: 'Date', checkbox: 'Checkbox' } satisfies Words<Schemas['CustomField']['type']>,
  section: { certificate: 'Certificate', additional: 'Additional' } satisfies Words<Schemas['CustomField']['section']>,
}

export const forms = {
  issuerForm: {
    new: 'New CA', title: 'New CA', make: 'Make CA', made: 'The CA is made', kind: 'What kind', kinds: { issuing: 'Issuing CA, signed by one of ours', root: 'Root CA, signs itself', pending: 'CA that a foreign root signs' } satisfies Words<Schemas['NewIssuer']['kind']>,
    kindHints: { issuing: 'It issues certificates at once.', root: 'It should sign other CAs only.', pending: 'The key is made here, and a request for the foreign root. It issues once its certificate is installed.' },
    name: 'Name', nameHint: 'For people', slug: 'Short name', slugHint: 'Part of the addresses of CRL and OCSP: lower-case letters, digits and hyphens. It stays.', subject: 'Distinguished name', cn: 'Common name', o: 'Organisation', c: 'Country', cHint: 'Two letters',
    more: 'Further attributes', attribute: 'Attribute', add: 'Add attribute', type: 'Type', value: 'Value', key: 'Key', hsm: 'A key that exists in an HSM', uri: 'URI of the key', uriHint: 'pkcs11:… without the PIN', parent: 'Signed by', choose: 'Choose a CA',
    years: 'Validity in years', yearsHint: 'Empty: 20 for a root, 10 for an issuing CA, never longer than its parent', pathLength: 'CAs that may stand below', pathHint: '0: it signs no CAs',
    install: 'Install certificate', installHint: 'The certificate that the foreign root made, and those above it up to the root, in any order. Its key must be that of the request.', replaceHint: 'A renewed certificate for the same key and name, and those above it up to the root.', pem: 'Certificates (PEM)', file: 'Or read a file',
    waits: 'It waits for its certificate', waitsHint: 'Give the request to the foreign root, then install the certificate that it makes.', saveCSR: 'Download request',
    addChain: 'Add chain', addChainHint: 'A chain to another root, which ACME clients can choose: first a certificate for the name and key of this CA, then those above it in order.', removeChains: 'Remove further chains', removeChainsHint: 'ACME clients get the first chain only.', further: 'Further chain',
    crl: 'CRL (DER)', der: 'Certificate (DER)', crlURL: 'CRL address', ocspURL: 'OCSP address', ocspSigner: 'OCSP signer valid to', ocspNone: 'Made with the first question', status: 'Status services', noStatus: 'Its certificates name no addresses', parentName: 'Signed by',
  },
  productForm: {
    new: 'New product', newTitle: 'New product', edit: 'Edit', clone: 'Clone', editTitle: 'Edit', cloneOf: 'A copy of', save: 'Save product', saved: 'The product is saved', copy: 'copy',
    fields, choices, default: 'Default', stale: 'Load the saved one and drop what is here', faults: 'Some fields need another value',
    sections: { general: 'General', validity: 'Validity and renewal', keys: 'Keys', subject: 'Subject', names: 'Names', usage: 'Usages and extensions', control: 'Control of names', approval: 'Approval and checks', terms: 'How it is ordered' },
    code: 'Code', codeHint: 'Lower-case letters, digits and hyphens. Clients name the product by it.', name: 'Name', description: 'Description', issuer: 'Issuing CA', chooseIssuer: 'Choose a CA',
    commas: 'Press Enter after each', add: 'Add', remove: 'Remove', none: 'None yet',
    hints: {
      backdate_minutes: 'For clients with a slow clock', renew_days: '0: at any time', renew_grace_days: '0: an expired certificate authorises nothing', quota: '0: no limit', approvals: 'At least 1', reuse_days: '0: 200 days',
      caa: 'A CAA record must name one of these (RFC 8659); none: CAA is not looked at', policies: 'Object identifiers', pass_through: 'Object identifiers', lint_exclude: 'Names of lints of that source, such as e_…', notify: 'Besides the owner',
      ext_key_usage: 'A name or an object identifier', ancestors: 'Not when it was made by a file', key_usage: 'keyEncipherment is left out for keys that cannot',
    },
    key: { rule: 'Key type', algorithm: 'Algorithm', min: 'Least bits', max: 'Most bits', curves: 'Curves', add: 'Add key type' },
    attribute: { rule: 'Attribute', type: 'Type', mode: 'Rule', values: 'Values', written: 'What is written', allowed: 'None: anything', pattern: 'Pattern (RE2)', add: 'Add attribute' },
    san: { rule: 'Rule', kind: 'Kind', required: 'At least one', wildcards: 'Wildcards', suffixes: 'Domains', suffixesHint: 'The domain and what is below it; with a dot before it only what is below', patterns: 'Patterns (RE2)', ranges: 'Address ranges', oids: 'Type ids', max: 'Most', add: 'Add names' },
    extension: { rule: 'Extension', oid: 'Object identifier', critical: 'Critical', value: 'Value (DER, base64)', add: 'Add extension' },
    order: {
      sold: 'Order APIs and the portal sell it under terms of its own', family: 'Family', variant: 'Variant', variantHint: 'Private PKI: intranet-ssl, device, vpn or a word of your own', shapes: 'Shapes', shapesHint: 'None: all', code: 'Numeric code', codeHint: 'Empty: the public number of the product',
      agreement: 'The subscriber agreement must be accepted', documents: 'Documents needed', years: 'Longest subscription (years)', fields: 'Further questions', question: 'Question', id: 'Id', label: 'Text', type: 'Type', section: 'Section', length: 'Longest answer', required: 'Required', values: 'Choices', add: 'Add question',
    },
  },
  live: {
    states: { live: 'Live', reconnecting: 'Reconnecting', polling: 'Not live' },
    hints: { live: 'Changes are shown as they happen', reconnecting: 'The connection for live changes is being made again', polling: 'There is no connection for live changes; pages are read again from time to time' },
    change: 'change, refresh', changes: 'changes, refresh',
  },
  job: {
    title: 'Job', details: 'Details', progress: 'Progress', attempt: 'Attempt', of: 'of', error: 'Last error', args: 'Arguments', created: 'Created', scheduled: 'Scheduled', started: 'Started', finished: 'Finished', system: 'Of the server itself',
  },
} as const
