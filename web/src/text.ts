// Every word that the portal says by itself, in English. Titles of columns and
// details of errors come from the server.
export const text = {
  product: 'Certwright',
  skip: 'Skip to the content',
  nav: {
    label: 'Main navigation', home: 'Home', certificates: 'Certificates', orders: 'Orders', domains: 'Domains', organisations: 'Organisations', groups: 'Groups',
    users: 'Users', integrations: 'Integrations', apis: 'APIs', acme: 'ACME', products: 'Products', issuers: 'CAs', audit: 'Audit log', jobs: 'Jobs', settings: 'Settings',
    vettings: 'Vetting', manage: 'Manage', system: 'System',
  },
  header: { menu: 'Navigation', light: 'Light colours', dark: 'Dark colours', account: 'Account of', me: 'My account', password: 'Change password', signOut: 'Sign out' },
  state: {
    loading: 'Loading', failed: 'This did not work', retry: 'Try again', empty: 'Nothing here', emptyFiltered: 'No rows match the filter', crash: 'The page has a fault',
    crashHint: 'Reload the page. If it happens again, tell your administrator what you did.', reload: 'Reload', notFound: 'There is no such page', home: 'Go to Home', request: 'Request',
  },
  list: {
    filter: 'Filter', filters: 'Filters', add: 'Add filter', clear: 'Clear filters', column: 'Column', operator: 'Operator', value: 'Value', valueTo: 'Value to', all: 'All',
    removeRow: 'Remove filter', columns: 'Columns', columnsHint: 'Shown columns', defaults: 'Defaults', defaultColumns: 'Default columns', otherColumns: 'Additional columns', export: 'Export', views: 'Views',
    refresh: 'Refresh', pageSize: 'Rows per page', previous: 'Previous page', next: 'Next page', first: 'First page', page: 'Page', of: 'of', atLeast: 'more than',
    rows: 'rows', row: 'row', selected: 'selected', selectAll: 'Select all rows of this page', selectRow: 'Select', actions: 'Select Action', actionsOf: 'Actions for', clearSelection: 'Clear selection',
    sorted: 'sorted', up: 'ascending', down: 'descending', days: 'days', yes: 'Yes', no: 'No', useDate: 'Pick a date instead', search: 'Type to search', more: 'more',
    relative: 'Relative time such as +30d, -12h or now', moveUp: 'Move left', moveDown: 'Move right', commas: 'Values with commas between',
  },
  operators: {
    eq: 'Equals', ne: 'Not equals', contains: 'Contains', notcontains: 'Does not contain', startswith: 'Starts with', endswith: 'Ends with', gt: 'Greater than', ge: 'At least',
    lt: 'Less than', le: 'At most', between: 'Between', in: 'One of', empty: 'Is empty', notempty: 'Is not empty', all: 'All',
    before: 'Before', after: 'After', since: 'At or after', until: 'At or before', next: 'In the next', past: 'In the past',
  },
  export: {
    title: 'Export', csv: 'Export to CSV', xlsx: 'Export to Excel', pdf: 'Export to PDF', running: 'Exporting', done: 'The export is ready', cancel: 'Cancel export', cancelled: 'The export was cancelled',
    of: 'of', rows: 'rows', failed: 'The export failed', broken: 'The server broke the export off. Try again.', hint: 'The filtered rows with the chosen columns. A PDF holds at most 5,000 rows.',
  },
  views: {
    title: 'Saved views', none: 'No saved views yet', own: 'My views', shared: 'Shared views', save: 'Save this view…', update: 'Overwrite with what is shown', remove: 'Delete', name: 'Name',
    share: 'Share with everybody in the account', saveTitle: 'Save view', reset: 'Default view', saved: 'View saved', removed: 'View deleted', open: 'Open',
  },
  action: {
    save: 'Save', cancel: 'Cancel', close: 'Close', back: 'Back', next: 'Next', edit: 'Edit', remove: 'Delete', copy: 'Copy', copied: 'Copied', download: 'Download', view: 'View', confirm: 'Confirm', done: 'Done',
    new: 'New',
  },
  certificate: {
    details: 'Certificate Details', viewDecoded: 'View Certificate', x509: 'X.509', chainTab: 'Chain', history: 'History', download: 'Download Certificate', renew: 'Renew', revoke: 'Revoke', release: 'Release',
    hold: 'Suspend', revoked: 'The certificate is revoked', renewed: 'The successor is issued', renewOpen: 'The order of the successor is open', exportKey: 'Certificate with private key…',
    revokeHint: 'Clients that check CRL or OCSP refuse the certificate from now on. This cannot be undone, except for a hold.', reason: 'Reason', comment: 'Comment', commentHint: 'For the audit log',
    bulkRevoke: 'Revoke the selected certificates? This cannot be undone.', releaseHint: 'The certificate is valid again.', renewHint: 'Orders a certificate with the same names and product. The old one stays valid.',
    csr: 'Certificate request (PKCS#10)', csrHint: 'PEM, with a new key. Leave it empty when the key was made here or may be kept.', exportHint: 'Every export of a private key is in the audit log.', format: 'Format',
    password: 'Password of the file', showPassword: 'Show password', alias: 'Name of the entry', chain: 'Chain', number: 'Number', subject: 'Subject', names: 'Names', notBefore: 'Valid from', notAfter: 'Valid to', key: 'Key',
    serial: 'Serial number', fingerprint: 'SHA-256 fingerprint', issuer: 'Issuer', product: 'Product', order: 'Order', openOrder: 'Open the order', protocol: 'Protocol', credential: 'API credential', user: 'User', group: 'Group',
    replaces: 'Replaces', predecessor: 'Predecessor', replacedBy: 'Replaced by', successor: 'Successor', revokedAt: 'Revoked', keyStored: 'Private key kept here', tags: 'Tags', editTags: 'Edit tags',
    tagsHint: 'Press Enter after each tag', created: 'Created', chainHint: 'The certificate and the CA certificates above it, issuer first.', root: 'Root', intermediate: 'Intermediate CA',
  },
  decoded: {
    version: 'Version', serial: 'Serial number', signature: 'Signature algorithm', issuer: 'Issuer', subject: 'Subject', notBefore: 'Not before', notAfter: 'Not after', key: 'Public key', names: 'Subject alternative names',
    keyUsage: 'Key usage', extKeyUsage: 'Extended key usage', ca: 'CA', pathLength: 'path length', policies: 'Policies', ski: 'Subject key id', aki: 'Authority key id', crl: 'CRL distribution points', ocsp: 'OCSP',
    issuerURLs: 'CA issuers', extensions: 'Extensions', name: 'Name', critical: 'Critical', value: 'Value (DER, hex)',
  },
  history: { title: 'History', time: 'Time', action: 'Action', who: 'Who', outcome: 'Outcome', from: 'From', detail: 'Detail', all: 'All entries in the audit log' },
  order: {
    title: 'Order', details: 'Order details', request: 'Request', csr: 'Certificate request', certificate: 'Certificate', openCertificate: 'Open the certificate', approve: 'Approve', reject: 'Reject', cancel: 'Cancel order',
    comment: 'Comment', commentHint: 'The requester sees it', decided: 'Done', bulkApprove: 'Approve the selected orders?', subject: 'Subject', failure: 'Reason', changed: 'Changed', approvals: 'Approvals', word: 'Decision',
  },
} as const
