// The part of the catalogue (text.ts) for organisations, ACME, roles and what
// else administrators look after.
export const operations = {
  organisation: {
    details: 'Details', vettings: 'Vetting', evidence: 'Evidence', representatives: 'Representatives', consents: 'Consents',
    legal: 'Legal data', editLegal: 'Edit legal data', legalHint: 'As the register has them. When something changes that certificates show, validated vettings become a discrepancy at once and must be decided again.',
    legalName: 'Legal name', category: 'Business category', noCategory: 'Not said', registration: 'Registration number', registrar: 'Register or agency', jurisdiction: 'Jurisdiction', jurisdictionCountry: 'Country of jurisdiction', jurisdictionState: 'State of jurisdiction', jurisdictionLocality: 'Locality of jurisdiction',
    street: 'Street', street2: 'Street, second line', postalCode: 'Postal code', stateCode: 'State code', stateCodeHint: 'The short form, such as NW', phone: 'Telephone', phoneHint: 'With + and country, such as +4922112345', identifier: 'Organisation identifier', identifierHint: 'Such as NTRDE-HRB12345 (ETSI EN 319 412-1)', noLegal: 'No legal data yet',
    askVetting: 'Ask for vetting', askHint: 'A validator examines the organisation and decides. Nobody decides on what he asked for himself. When one of the purpose is open already, it stays.', noVettings: 'Nobody has asked for a vetting yet', allVettings: 'All vettings of the organisation', smimeHint: 'OV, EV or S/MIME; EV covers OV',
    bring: 'Bring evidence', evidenceHint: 'Evidence is kept encrypted. Who may see the documents of the whole account sees all of it, everybody else what he brought himself; each download is in the audit log.', evidenceUsed: 'Evidence', evidenceUsedHint: 'Documents of the organisation that the decision rests on',
    addRepresentative: 'Add representative', noRepresentatives: 'Nobody speaks for the organisation yet', designation: 'Position', designationHint: 'Such as Managing director', removeRepresentative: 'His answers stay. Links that he has not answered end.', changeMail: 'When the address changes, links that he has not answered end.',
    askConsent: 'Ask for consent', consentHint: 'A mail with a link is sent, where he consents or refuses without signing in. A newer link about the same replaces the older one.', consentOrder: 'About the certificate of an order', consentOrderHint: 'Id of the order; empty: about the organisation as a whole', consentSent: 'The mail is on its way', noConsents: 'Nobody was asked for consent yet', allConsents: 'Only the newest 100 are shown',
    representative: 'Representative', sentTo: 'Sent to', statement: 'Statement', answered: 'Answered', linkEnds: 'Link ends', order: 'Order', removed: 'removed',
    token: 'Pre-vetting token', tokenHint: 'An order that brings it refers to the standing vetting of this organisation. Keep it secret.', showToken: 'Show', renewToken: 'Renew', renewTokenHint: 'The old token ends at once. Who orders with it needs the new one.', tokenRenewed: 'The new token',
  },
  acmeObjects: {
    account: 'ACME account', order: 'ACME order', authorization: 'ACME authorization', contacts: 'Contacts', thumbprint: 'Thumbprint of the key', external: 'External account', terms: 'Terms agreed', address: 'First seen from', accountOrders: 'Its orders', accountAuthorizations: 'Its authorizations',
    revokeAccount: 'Shut out', revokeAccountHint: 'Requests of the account are refused at once. Certificates stay as they are. It can be let in again.', restoreAccount: 'Let in again', restoreAccountHint: 'Requests of the account are answered again.', accountRevoked: 'The account is shut out', accountRestored: 'The account is let in again',
    revokeAuthorization: 'Take away', revokeAuthorizationHint: 'Control must be proven anew. Orders that wait for it fail. Certificates stay as they are.', authorizationRevoked: 'The authorization is taken away',
    identifiers: 'Names', profile: 'Profile', ends: 'Ends', asked: 'Asked for', problem: 'Why it failed', tried: 'What was tried', method: 'Method', tries: 'Tries', validated: 'Validated', wildcard: 'Wildcard', subdomains: 'Covers names below', nothingTried: 'Nothing was tried', seen: 'What was seen', authorizations: 'Authorizations', noAuthorizations: 'No authorizations',
  },
  pulls: {
    new: 'Ask for early renewal', title: 'Early renewal', hint: 'Clients that follow RFC 9773 renew what was issued before now, spread evenly over the time below. They look about every six hours.', issuer: 'CA', product: 'Product', either: 'A CA, a product or both', start: 'Begins', startHint: 'Empty: now', within: 'Spread over', withinHint: 'Such as 24h or 7d, at most 90d',
    explanation: 'Page that explains it', explanationHint: 'An http or https address that clients show', reason: 'Reason', reasonHint: 'For the audit log and this page', ask: 'Ask clients', asked: 'Clients learn of it when they next look', any: 'any', ends: 'Ends', cancel: 'Cancel', cancelHint: 'Clients that have not renewed yet fall back to the usual windows.', cancelled: 'Cancelled',
    progress: 'Progress', progressHint: 'Active certificates by ACME that were issued before it, as far as you may see them.', renewed: 'Renewed', open: 'Not renewed yet', ofAll: 'of', nothing: 'No active certificate is concerned.',
  },
  roleTable: {
    names: { credential: 'API credential', 'password-change': 'One-time password' } as Record<string, string>,
    title: 'Roles', open: 'What roles may do', hint: 'A role is granted in one group or for the whole account. What is not marked is refused.', scopeHint: 'In its group: the role must be granted in the group of the thing, or for the whole account. Whole account: only when it is granted for the whole account. Anywhere: with any grant of the role.', for: 'What each role is for', action: 'Action', scope: 'Where it counts', may: 'yes', group: 'In its group', account: 'Whole account', any: 'Anywhere', table: 'Actions and roles',
    roles: {
      administrator: 'May do everything that there is, for whatever the grant covers. Nobody approves or vets what he asked for himself.', 'ca-administrator': 'Runs CAs and products, revokes, declares names proven. Orders nothing.', approver: 'Agrees to orders that products keep for people, or rejects them. Never his own.', validator: 'Examines organisations and decides on vettings; refuses proofs of domains and orders.',
      operator: 'Orders, renews and revokes certificates, makes API credentials, runs jobs and domains.', auditor: 'Sees everything and verifies the audit log. Changes nothing.', requester: 'Orders and renews certificates, proves domains. Others approve and revoke.', credential: 'What an API credential may do, in its own group. Not granted to people.', 'password-change': 'Who holds a one-time password: nothing but to set another.',
    } as Record<string, string>,
  },
  userActions: {
    signOut: 'Sign out everywhere', signOutHint: 'All sessions of the user end, but the one that you are using. API tokens and credentials go on.', signedOut: 'Sessions ended', resetFactor: 'Reset second factor', resetFactorHint: 'For when it is lost. He is asked for his password only until he sets up another one. All his sessions end.', factorReset: 'The second factor is gone', secondFactor: 'Second factor',
  },
  upkeep: { server: 'Server', actions: 'Actions', account: 'Account', renameAccount: 'Rename account', accountName: 'Name of the account', renamed: 'The account has a new name', exportJSON: 'Export as JSON', older: 'Older', attempt: 'A look at the domain', answers: 'Answers', attemptDetails: 'Details', expected: 'Expected', background: 'Looked by itself', perspectives: 'Places that looked', quorum: 'Must agree', where: 'From', here: 'This server', asked: 'Asked', answer: 'Answer', noRecords: 'Nothing was seen', next: 'What to do' },
  agreements: {
    title: 'Agreements', new: 'Publish agreement', edit: 'Publish a new version', publish: 'Publish', published: 'The text is in force', same: 'This text is in force already', remove: 'Take the text away', removed: 'There is no text any more',
    hint: 'Whoever orders with a product that asks for it signs this text. Versions are never changed, and each order keeps the one that was signed. Orders that wait for a signature ask for the newest.',
    removeHint: 'Orders are signed without a text from now on, where the product has none of its own. Earlier versions and what was signed stay.', removeOwnHint: 'The product has the text of the account again. Earlier versions and what was signed stay.',
    product: 'Product (none: all that have no text of their own)', others: 'All without one of their own', version: 'Version', inForce: 'In force', author: 'Published by', since: 'In force since', until: 'Replaced', none: 'From this version on there is no text.',
    replaces: 'Replaces version', first: 'There is no text yet.', file: 'Read from a file', text: 'Text of the agreement', textHint: 'Plain text, at most 256 KiB. It is shown as it is.', download: 'Download as text',
    step: 'Who signs, where, when, from which address and this version of the text are kept with the order.', noText: 'No text of the agreement is published here. What is signed is the statement below.', statement: 'I accept the subscriber agreement of this CA and keep the private key of the certificate secret.',
    signedText: 'Signed text', withoutText: 'Signed without a text', show: 'Show the text that was signed', hide: 'Hide the text',
  },
  downloads: { title: 'Download', format: 'Format', chain: 'Chain', pem: 'PEM (.pem)', der: 'DER, certificate only (.cer)', p7b: 'PKCS#7 (.p7b)' },
}
