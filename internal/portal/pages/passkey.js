// Passkeys on the server's own pages. A form with data-passkey is shown where the
// browser knows WebAuthn; it asks for options, has the browser create or use a
// passkey, and sends the answer as a field. Without this script the pages do all
// the rest.
'use strict'

const octets = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0))
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')

/** Turns the octets in the server's options from base64url into buffers. */
function ready(o) {
  o.challenge = octets(o.challenge)
  if (o.user) o.user.id = octets(o.user.id)
  for (const list of ['allowCredentials', 'excludeCredentials']) for (const c of o[list] ?? []) c.id = octets(c.id)
  return o
}

/** Turns what the browser answers into JSON. */
function written(c) {
  const r = { clientDataJSON: text(c.response.clientDataJSON) }
  if (c.response.attestationObject) {
    r.attestationObject = text(c.response.attestationObject)
    r.transports = c.response.getTransports ? c.response.getTransports() : []
  } else {
    r.authenticatorData = text(c.response.authenticatorData)
    r.signature = text(c.response.signature)
    if (c.response.userHandle) r.userHandle = text(c.response.userHandle)
  }
  return JSON.stringify({ id: c.id, rawId: text(c.rawId), type: c.type, response: r, clientExtensionResults: c.getClientExtensionResults() })
}

let waiting // a request that the browser answers from its list of names

async function run(form, conditional) {
  const status = form.querySelector('[role=status]')
  const say = (what) => {
    if (!conditional) status.textContent = what
  }
  say('')
  waiting?.abort()
  const stop = new AbortController()
  waiting = stop
  try {
    const response = await fetch(form.dataset.options, { method: 'POST', headers: { Accept: 'application/json' } })
    const got = await response.json()
    if (got.to && !conditional) location.assign(got.to)
    if (!got.options) return say(got.error ?? '')
    const ask = { publicKey: ready(got.options), signal: stop.signal }
    if (conditional) ask.mediation = 'conditional'
    const answer = await navigator.credentials[form.dataset.passkey](ask)
    form.elements.answer.value = written(answer)
    form.submit()
  } catch (e) {
    if (e.name === 'AbortError') return
    say(e.name === 'InvalidStateError' ? form.dataset.known : form.dataset.failed)
  }
}

for (const form of document.querySelectorAll('form[data-passkey]')) {
  if (!window.PublicKeyCredential) break
  form.hidden = false
  form.addEventListener('submit', (e) => {
    e.preventDefault()
    void run(form, false)
  })
  if (form.dataset.autofill !== undefined) {
    void PublicKeyCredential.isConditionalMediationAvailable?.().then((yes) => yes && run(form, true))
  }
}
