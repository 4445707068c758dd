package identity

import (
	"slices"

	"github.com/certwright/certwright/internal/core"
)

// Action is something that a person or machine may do.
type Action string

// The actions.
const (
	PasswordOwn Action = "password.own" // change one's own password
	SessionOwn  Action = "session.own"  // list and end one's own sessions
	FactorOwn   Action = "factor.own"   // set up and remove one's own second factor
	TokenOwn    Action = "token.own"    // make, list and revoke one's own tokens
	ViewOwn     Action = "view.own"     // keep views of lists, open shared ones
	ViewShare   Action = "view.share"   // share views, change and delete shared ones

	AccountView        Action = "account.view"
	AccountManage      Action = "account.manage"
	OrganisationView   Action = "organisation.view"
	OrganisationManage Action = "organisation.manage"
	GroupView          Action = "group.view"
	GroupManage        Action = "group.manage"
	UserView           Action = "user.view"
	UserManage         Action = "user.manage" // also other people's sessions, tokens and passwords

	CredentialView       Action = "credential.view"
	CredentialCreate     Action = "credential.create"
	CredentialUpdate     Action = "credential.update"
	CredentialRevoke     Action = "credential.revoke"
	CredentialRegenerate Action = "credential.regenerate"
	CredentialDefault    Action = "credential.default" // give it the bare path
	CredentialProve      Action = "credential.prove"   // declare names proven

	ProductView   Action = "product.view"
	ProductManage Action = "product.manage"
	IssuerView    Action = "issuer.view"
	IssuerManage  Action = "issuer.manage"

	OrderView    Action = "order.view"
	OrderCreate  Action = "order.create"
	OrderCancel  Action = "order.cancel"
	OrderApprove Action = "order.approve"
	OrderReject  Action = "order.reject" // refuse an order or send it back, on what somebody else asked for

	OrganisationLegal Action = "organisation.legal" // legal data and representatives
	VettingView       Action = "vetting.view"
	VettingAsk        Action = "vetting.ask"
	VettingDecide     Action = "vetting.decide" // on what somebody else asked for
	EvidenceAdd       Action = "evidence.add"   // documents about an organisation
	ConsentSend       Action = "consent.send"   // ask representatives for consent
	DocumentView      Action = "document.view"

	CertificateView      Action = "certificate.view"
	CertificateDownload  Action = "certificate.download"
	CertificateExportKey Action = "certificate.export-key"
	CertificateRenew     Action = "certificate.renew"
	CertificateDeploy    Action = "certificate.deploy" // ask for it to be put on servers, and withdraw that
	CertificateRevoke    Action = "certificate.revoke"
	CertificateUpdate    Action = "certificate.update" // tags, owner
	CertificateImport    Action = "certificate.import" // into the inventory, from files
	TagManage            Action = "tag.manage"         // rename or delete a tag wherever it is

	DomainView   Action = "domain.view"
	DomainManage Action = "domain.manage" // register, prove, renew, take out of use
	DomainDecide Action = "domain.decide" // refuse or withdraw a proof

	RenewalView   Action = "renewal.view"
	RenewalManage Action = "renewal.manage" // have ACME clients renew early

	AuditView      Action = "audit.view"
	AuditVerify    Action = "audit.verify"
	JobView        Action = "job.view"
	JobManage      Action = "job.manage"
	SettingsView   Action = "settings.view"
	SettingsManage Action = "settings.manage"
	BackupCreate   Action = "backup.create"
	ProviderView   Action = "provider.view" // sign-in providers
	ProviderManage Action = "provider.manage"
)

// Scope says what a grant must cover for an action.
type Scope string

// The scopes.
const (
	// ScopeAccount: the grant must be for the whole account.
	ScopeAccount Scope = "account"
	// ScopeGroup: a grant for the whole account, or for the object's group. An
	// object without a group needs the former.
	ScopeGroup Scope = "group"
	// ScopeAny: any grant of the role; for catalogues and for what is one's own.
	ScopeAny Scope = "any"
)

// Roles that cannot be granted. RolePasswordChange is all that a person with a
// one-time password has, RoleFactorSetup all of one who needs a second factor
// and has none; RoleCredential stands for an API credential,
// in its group.
const (
	RolePasswordChange core.Role = "password-change"
	RoleFactorSetup    core.Role = "factor-setup"
	RoleCredential     core.Role = "credential"
)

// noGroup is the scope of a grant that covers no group at all.
const noGroup core.GroupID = "none"

// Rule is one row of the access table.
type Rule struct {
	Action Action
	Scope  Scope
	Roles  []core.Role
}

// Short names for the columns of the table.
const (
	adm = core.RoleAdministrator
	cad = core.RoleCAAdministrator
	app = core.RoleApprover
	val = core.RoleValidator
	opr = core.RoleOperator
	aud = core.RoleAuditor
	req = core.RoleRequester
	pwd = RolePasswordChange
	fac = RoleFactorSetup
	crd = RoleCredential
)

// rules is the access table. What is not in it is forbidden.
var rules = []Rule{
	{PasswordOwn, ScopeAny, []core.Role{adm, cad, app, val, opr, aud, req, pwd, fac}},
	{SessionOwn, ScopeAny, []core.Role{adm, cad, app, val, opr, aud, req, fac}},
	{FactorOwn, ScopeAny, []core.Role{adm, cad, app, val, opr, aud, req, fac}},
	{TokenOwn, ScopeAny, []core.Role{adm, cad, app, val, opr, aud, req}},
	{ViewOwn, ScopeAny, []core.Role{adm, cad, app, val, opr, aud, req}},
	{ViewShare, ScopeAccount, []core.Role{adm, opr}},

	{AccountView, ScopeAny, []core.Role{adm, cad, app, val, opr, aud, req}},
	{AccountManage, ScopeAccount, []core.Role{adm}},
	{OrganisationView, ScopeAny, []core.Role{adm, cad, app, val, opr, aud, req}},
	{OrganisationManage, ScopeAccount, []core.Role{adm}},
	{GroupView, ScopeGroup, []core.Role{adm, cad, app, val, opr, aud, req}},
	{GroupManage, ScopeGroup, []core.Role{adm}},
	{UserView, ScopeGroup, []core.Role{adm, cad, app, val, opr, aud}},
	{UserManage, ScopeAccount, []core.Role{adm}},

	{CredentialView, ScopeGroup, []core.Role{adm, cad, app, val, opr, aud}},
	{CredentialCreate, ScopeGroup, []core.Role{adm, opr}},
	{CredentialUpdate, ScopeGroup, []core.Role{adm, opr}},
	{CredentialRevoke, ScopeGroup, []core.Role{adm, cad, opr}},
	{CredentialRegenerate, ScopeGroup, []core.Role{adm, opr}},
	{CredentialDefault, ScopeAccount, []core.Role{adm, opr}},
	{CredentialProve, ScopeAccount, []core.Role{adm, cad}},

	{ProductView, ScopeAny, []core.Role{adm, cad, app, val, opr, aud, req, crd}},
	{ProductManage, ScopeAccount, []core.Role{adm, cad}},
	{IssuerView, ScopeAny, []core.Role{adm, cad, app, val, opr, aud, req, crd}},
	{IssuerManage, ScopeAccount, []core.Role{adm, cad}},

	{OrderView, ScopeGroup, []core.Role{adm, cad, app, val, opr, aud, req, crd}},
	{OrderCreate, ScopeGroup, []core.Role{adm, opr, req, crd}},
	{OrderCancel, ScopeGroup, []core.Role{adm, opr, req, crd}},
	{OrderApprove, ScopeGroup, []core.Role{adm, app}},
	{OrderReject, ScopeGroup, []core.Role{adm, app, val}},

	{OrganisationLegal, ScopeAccount, []core.Role{adm, val}},
	{VettingView, ScopeAny, []core.Role{adm, cad, app, val, opr, aud, req, crd}},
	{VettingAsk, ScopeAny, []core.Role{adm, opr, req, crd}},
	{VettingDecide, ScopeAccount, []core.Role{adm, val}},
	{EvidenceAdd, ScopeAny, []core.Role{adm, val, opr, req, crd}},
	{ConsentSend, ScopeAny, []core.Role{adm, val, opr, req, crd}},
	{DocumentView, ScopeGroup, []core.Role{adm, app, val, opr, aud, req, crd}},

	{CertificateView, ScopeGroup, []core.Role{adm, cad, app, val, opr, aud, req, crd}},
	{CertificateDownload, ScopeGroup, []core.Role{adm, cad, app, val, opr, aud, req, crd}},
	{CertificateExportKey, ScopeGroup, []core.Role{adm, opr, req, crd}},
	{CertificateRenew, ScopeGroup, []core.Role{adm, opr, req, crd}},
	{CertificateDeploy, ScopeGroup, []core.Role{adm, opr, req, crd}},
	{CertificateRevoke, ScopeGroup, []core.Role{adm, cad, opr, crd}},
	{CertificateUpdate, ScopeGroup, []core.Role{adm, opr}},
	{CertificateImport, ScopeGroup, []core.Role{adm, opr}},
	{TagManage, ScopeAccount, []core.Role{adm, opr}},

	{DomainView, ScopeGroup, []core.Role{adm, cad, app, val, opr, aud, req, crd}},
	{DomainManage, ScopeGroup, []core.Role{adm, opr, req, crd}},
	{DomainDecide, ScopeAccount, []core.Role{adm, val}},

	{RenewalView, ScopeAny, []core.Role{adm, cad, app, val, opr, aud}},
	{RenewalManage, ScopeAccount, []core.Role{adm, cad, opr}},

	{AuditView, ScopeAccount, []core.Role{adm, cad, aud}},
	{AuditVerify, ScopeAccount, []core.Role{adm, aud}},
	{JobView, ScopeAccount, []core.Role{adm, cad, opr, aud}},
	{JobManage, ScopeAccount, []core.Role{adm, opr}},
	{SettingsView, ScopeAccount, []core.Role{adm, cad, aud}},
	{SettingsManage, ScopeAccount, []core.Role{adm}},
	{BackupCreate, ScopeAccount, []core.Role{adm}},
	{ProviderView, ScopeAccount, []core.Role{adm, aud}},
	{ProviderManage, ScopeAccount, []core.Role{adm}},
}

// Rules returns the access table, for the portal and the documentation.
func Rules() []Rule {
	out := slices.Clone(rules)
	for i := range out {
		out[i].Roles = slices.Clone(out[i].Roles)
	}
	return out
}

func ruleFor(a Action) *Rule {
	for i := range rules {
		if rules[i].Action == a {
			return &rules[i]
		}
	}
	return nil
}

// grants returns what p may be. A credential has one grant for its group.
func grants(p *core.Principal) []core.Grant {
	switch {
	case p == nil:
		return nil
	case p.Credential != nil:
		return []core.Grant{{Role: crd, Group: p.Group}}
	}
	return p.Grants
}

// Can returns nil when p may do a to an object of group, else an error of kind
// forbidden. group is empty for objects that belong to the account alone and
// for new ones that will; then only a grant for the whole account will do,
// unless the action's scope is any. Internal actors may do everything in their
// account. The account itself is not looked at here: storage answers for it.
func Can(p *core.Principal, a Action, group core.GroupID) error {
	if p != nil && p.System != "" {
		return nil
	}
	r := ruleFor(a)
	if r == nil {
		return core.Errorf(core.KindForbidden, "nobody may do %s", a)
	}
	g := grants(p)
	if slices.ContainsFunc(g, func(g core.Grant) bool { return r.covers(g, group) }) {
		return nil
	}
	if p != nil && slices.ContainsFunc(g, func(g core.Grant) bool { return g.Role == pwd }) {
		return core.Errorf(core.KindForbidden, "set a new password first")
	}
	if p != nil && slices.ContainsFunc(g, func(g core.Grant) bool { return g.Role == fac }) {
		return core.Errorf(core.KindForbidden, "set up a second factor first")
	}
	return core.Errorf(core.KindForbidden, "your roles do not include %s here", a)
}

func (r *Rule) covers(g core.Grant, group core.GroupID) bool {
	if !slices.Contains(r.Roles, g.Role) {
		return false
	}
	switch r.Scope {
	case ScopeAny:
		return true
	case ScopeGroup:
		return g.Group == "" || (g.Group == group && group != noGroup)
	}
	return g.Group == ""
}

// VisibleGroups returns for which groups p may do a: all of the account, or
// the ones listed (none: empty).
func VisibleGroups(p *core.Principal, a Action) (all bool, groups []core.GroupID) {
	if p != nil && p.System != "" {
		return true, nil
	}
	r := ruleFor(a)
	if r == nil {
		return false, nil
	}
	for _, g := range grants(p) {
		switch {
		case !slices.Contains(r.Roles, g.Role):
		case g.Group == "" || r.Scope == ScopeAny:
			return true, nil
		case r.Scope == ScopeGroup && g.Group != noGroup && !slices.Contains(groups, g.Group):
			groups = append(groups, g.Group)
		}
	}
	return false, groups
}

// MayApprove reports whether p may decide over an order: an approver of its
// group who did not ask for it himself (four eyes), neither in person nor
// through a credential that acts for him.
func MayApprove(p *core.Principal, o *core.Order) error { return mayDecide(p, OrderApprove, o) }

// MayReject is the same for refusing an order and for sending it back, which
// validators may do, too.
func MayReject(p *core.Principal, o *core.Order) error { return mayDecide(p, OrderReject, o) }

func mayDecide(p *core.Principal, a Action, o *core.Order) error {
	if err := Can(p, a, o.Group); err != nil {
		return err
	}
	if p.User == "" {
		return core.Errorf(core.KindForbidden, "only a person may decide over an order")
	}
	if p.User == o.User {
		return core.Errorf(core.KindForbidden, "nobody may decide over an order of his own")
	}
	return nil
}

// effective turns the grants of a user into those of a principal: a requester
// for the whole account asks for the groups that he is a member of. limit caps
// the roles (of a token); empty means no cap.
func effective(u *core.User, limit []core.Role) []core.Grant {
	var out []core.Grant
	for _, g := range u.Grants {
		switch {
		case len(limit) > 0 && !slices.Contains(limit, g.Role):
		case g.Role == req && g.Group == "":
			out = append(out, core.Grant{Role: req, Group: noGroup})
			for _, id := range u.Groups {
				out = append(out, core.Grant{Role: req, Group: id})
			}
		default:
			out = append(out, g)
		}
	}
	return out
}
