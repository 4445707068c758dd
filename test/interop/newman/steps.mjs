// Steps of a walk, each of which becomes a request of a Postman collection.
// Checks run in Postman's sandbox: a function is passed on as text, so it knows
// pm, CryptoJS and the variables of the environment, and nothing of here.

// source is what the sandbox runs.
const source = (f) => (typeof f === 'function' ? `(${f})();` : f);

// step is one request. body: an object (JSON, with {{variables}} in it), or
// {form: {...}} (urlencoded), or {file: variable that names a file} (multipart).
export function step(name, method, url, { headers = {}, body, basic, before, checks = {} } = {}) {
  const request = { method, url, header: Object.entries(headers).map(([key, value]) => ({ key, value })) };
  if (basic) request.auth = { type: 'basic', basic: Object.entries(basic).map(([key, value]) => ({ key, value, type: 'string' })) };
  if (body?.form) {
    request.body = { mode: 'urlencoded', urlencoded: Object.entries(body.form).map(([key, value]) => ({ key, value })) };
  } else if (body?.file) {
    request.body = { mode: 'formdata', formdata: [{ key: 'documentsAttached', type: 'file', src: body.file }] };
  } else if (typeof body === 'string') {
    request.body = { mode: 'raw', raw: body };
  } else if (body) {
    request.header.push({ key: 'Content-Type', value: 'application/json' });
    request.body = { mode: 'raw', raw: JSON.stringify(body) };
  }
  const tests = Object.entries(checks).map(([what, f]) => `pm.test(${JSON.stringify(`${name}: ${what}`)}, function () { ${source(f)} });`);
  const event = [{ listen: 'test', script: { exec: tests } }];
  if (before) event.push({ listen: 'prerequest', script: { exec: [source(before)] } });
  return { name, request, event, checks: tests.length };
}

// status is the check of an HTTP status; several may be allowed.
export const status = (...codes) => ({ [`status ${codes.join(' or ')}`]: `pm.expect(pm.response.code, pm.response.text()).to.be.oneOf(${JSON.stringify(codes)})` });

// field compares a member of the JSON answer, named by its path.
export const field = (path, want) => ({
  [`${path} is ${JSON.stringify(want)}`]: `pm.expect(_.get(pm.response.json(), ${JSON.stringify(path)}), pm.response.text()).to.eql(${JSON.stringify(want)})`,
});

// matches compares a member of the JSON answer with an expression.
export const matches = (path, pattern) => ({
  [`${path} matches ${pattern}`]: `pm.expect(_.get(pm.response.json(), ${JSON.stringify(path)}), pm.response.text()).to.match(${pattern})`,
});

// keep puts a member of the JSON answer into the environment; it must be there.
export const keep = (path, variable) => ({
  [`${path} is told`]: `const v = _.get(pm.response.json(), ${JSON.stringify(path)}); pm.expect(v, pm.response.text()).to.be.a('string').and.not.empty; pm.environment.set('${variable}', v)`,
});

// publish puts the record that was kept into the zone.
export const publish = (name = '{{recordName}}', value = '{{recordValue}}') =>
  step('publish the record', 'POST', `{{dns}}?name=${name}&value=${value}`, { checks: status(200) });

// upload puts the file that was kept on the web server of the domains.
export const upload = () =>
  step('publish the file', 'PUT', '{{web}}.well-known/pki-validation/{{fileName}}', { headers: { 'Content-Type': 'text/plain' }, body: '{{recordValue}}', checks: status(204) });

// person is a request to the management API with somebody's token.
export const person = (name, method, path, { who = 'validatorToken', body, before, checks } = {}) =>
  step(name, method, `{{main}}/api/certwright/v1${path}`, { headers: { Authorization: `Bearer {{${who}}}` }, body, before, checks });

// number is the public number of the order in the management API: without the
// offset that gives order APIs ten digits.
const number = () => pm.variables.set('number', String(Number(pm.environment.get('order')) - 1e9));

// approve is a person's word on the order of the environment.
export const approve = () =>
  person('a person approves', 'POST', '/orders/{{number}}/approve', { body: { comment: 'seen' }, before: number, checks: status(200) });

// refuse is the other word.
export const refuse = () =>
  person('a person rejects', 'POST', '/orders/{{number}}/reject', { body: { comment: 'not ours' }, before: number, checks: status(200) });

// vet lets a validator decide on the open vetting of the organisation.
export const vet = () => [
  person('the vetting is open', 'GET', '/vettings?filter=organisation:eq:{{organisationId}}', {
    checks: {
      ...status(200),
      'one is pending': () => {
        const open = pm.response.json().items.filter((v) => v.state === 'pending');
        pm.expect(open, pm.response.text()).to.have.length(1);
        pm.environment.set('vetting', open[0].id);
      },
    },
  }),
  person('a validator decides', 'POST', '/vettings/{{vetting}}/decide', {
    body: { state: 'validated', method: 'register', source: 'companies register', comment: 'seen' },
    checks: { ...status(200), ...field('state', 'validated') },
  }),
];
