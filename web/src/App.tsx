import { Suspense } from 'react'
import { Route, Switch, useLocation } from 'wouter'
import { lazily } from './lib/lazily'
import { Home } from './pages/Home'
import { Shell } from './shell/Shell'
import { text } from './text'
import { Boundary, Nowhere, Waiting } from './ui/states'

// The pages. The scripts of all but the first are loaded when they are opened.
const ACME = lazily('ACME', () => import('./pages/acme/ACME'), (m) => m.ACME)
const ACMEObject = lazily('ACMEObject', () => import('./pages/acme/Objects'), (m) => m.ACMEObject)
const AgreementPage = lazily('AgreementPage', () => import('./pages/Agreements'), (m) => m.AgreementPage)
const Agreements = lazily('Agreements', () => import('./pages/Agreements'), (m) => m.Agreements)
const NewAgreement = lazily('NewAgreement', () => import('./pages/Agreements'), (m) => m.NewAgreement)
const Certificate = lazily('Certificate', () => import('./pages/Certificate'), (m) => m.Certificate)
const Certificates = lazily('Certificates', () => import('./pages/Certificates'), (m) => m.Certificates)
const CredentialPage = lazily('CredentialPage', () => import('./pages/Credentials'), (m) => m.CredentialPage)
const Credentials = lazily('Credentials', () => import('./pages/Credentials'), (m) => m.Credentials)
const Deployments = lazily('Deployments', () => import('./pages/Deployments'), (m) => m.Deployments)
const Domain = lazily('Domain', () => import('./pages/Domains'), (m) => m.Domain)
const Domains = lazily('Domains', () => import('./pages/Domains'), (m) => m.Domains)
const Import = lazily('Import', () => import('./pages/Import'), (m) => m.Import)
const NewIssuer = lazily('NewIssuer', () => import('./pages/IssuerForm'), (m) => m.NewIssuer)
const Issuer = lazily('Issuer', () => import('./pages/Issuers'), (m) => m.Issuer)
const Issuers = lazily('Issuers', () => import('./pages/Issuers'), (m) => m.Issuers)
const Job = lazily('Job', () => import('./pages/Job'), (m) => m.Job)
const NewCredential = lazily('NewCredential', () => import('./pages/NewCredential'), (m) => m.NewCredential)
const NewOrder = lazily('NewOrder', () => import('./pages/NewOrder'), (m) => m.NewOrder)
const Order = lazily('Order', () => import('./pages/Orders'), (m) => m.Order)
const Orders = lazily('Orders', () => import('./pages/Orders'), (m) => m.Orders)
const RequestOrder = lazily('RequestOrder', () => import('./pages/order/RequestOrder'), (m) => m.RequestOrder)
const OrganisationPage = lazily('OrganisationPage', () => import('./pages/organisation/OrganisationPage'), (m) => m.OrganisationPage)
const GroupPage = lazily('GroupPage', () => import('./pages/People'), (m) => m.GroupPage)
const Groups = lazily('Groups', () => import('./pages/People'), (m) => m.Groups)
const Organisations = lazily('Organisations', () => import('./pages/People'), (m) => m.Organisations)
const UserPage = lazily('UserPage', () => import('./pages/People'), (m) => m.UserPage)
const Users = lazily('Users', () => import('./pages/People'), (m) => m.Users)
const Product = lazily('Product', () => import('./pages/Products'), (m) => m.Product)
const Products = lazily('Products', () => import('./pages/Products'), (m) => m.Products)
const Roles = lazily('Roles', () => import('./pages/Roles'), (m) => m.Roles)
const Setup = lazily('Setup', () => import('./pages/Setup'), (m) => m.Setup)
const Audit = lazily('Audit', () => import('./pages/System'), (m) => m.Audit)
const Jobs = lazily('Jobs', () => import('./pages/System'), (m) => m.Jobs)
const Me = lazily('Me', () => import('./pages/System'), (m) => m.Me)
const Settings = lazily('Settings', () => import('./pages/System'), (m) => m.Settings)
const EditProduct = lazily('EditProduct', () => import('./pages/product/ProductForm'), (m) => m.EditProduct)
const NewProduct = lazily('NewProduct', () => import('./pages/product/ProductForm'), (m) => m.NewProduct)
const NewProvider = lazily('NewProvider', () => import('./pages/providers/Providers'), (m) => m.NewProvider)
const ProviderPage = lazily('ProviderPage', () => import('./pages/providers/Providers'), (m) => m.ProviderPage)
const Providers = lazily('Providers', () => import('./pages/providers/Providers'), (m) => m.Providers)
const Tags = lazily('Tags', () => import('./pages/Tags'), (m) => m.Tags)
const VettingPage = lazily('VettingPage', () => import('./pages/Vettings'), (m) => m.VettingPage)
const Vettings = lazily('Vettings', () => import('./pages/Vettings'), (m) => m.Vettings)

/** The paths of the portal. The server answers for the same first segments (internal/portal, areas). */
export function App() {
  const [path] = useLocation()
  return (
    <Shell>
      <Boundary key={path}>
        <Suspense fallback={<Waiting />}>
          <Switch>
            <Route path="/" component={Home} />
            <Route path="/certificates" component={Certificates} />
            <Route path="/certificates/deployment-requests" component={Deployments} />
            <Route path="/certificates/:id">{({ id }) => <Certificate key={id} id={id} />}</Route>
            <Route path="/orders" component={Orders} />
            <Route path="/orders/new" component={NewOrder} />
            <Route path="/orders/request">{() => <RequestOrder />}</Route>
            <Route path="/orders/:id">{({ id }) => <Order key={id} id={id} />}</Route>
            <Route path="/domains" component={Domains} />
            <Route path="/domains/:id">{({ id }) => <Domain key={id} id={id} />}</Route>
            <Route path="/organisations" component={Organisations} />
            <Route path="/organisations/vetting" component={Vettings} />
            <Route path="/organisations/vetting/:id">{({ id }) => <VettingPage key={id} id={id} />}</Route>
            <Route path="/organisations/:id">{({ id }) => <OrganisationPage key={id} id={id} />}</Route>
            <Route path="/groups" component={Groups} />
            <Route path="/groups/:id">{({ id }) => <GroupPage key={id} id={id} />}</Route>
            <Route path="/users" component={Users} />
            <Route path="/users/roles" component={Roles} />
            <Route path="/users/:id">{({ id }) => <UserPage key={id} id={id} />}</Route>
            <Route path="/integrations/apis" component={Credentials} />
            <Route path="/integrations/apis/new" component={NewCredential} />
            <Route path="/integrations/apis/:id">{({ id }) => <CredentialPage key={id} id={id} />}</Route>
            <Route path="/integrations/acme">{() => <ACME />}</Route>
            <Route path="/integrations/acme/:list">{({ list }) => <ACME list={list} />}</Route>
            <Route path="/integrations/acme/:list/:id">{({ list, id }) => <ACMEObject key={id} list={list} id={id} />}</Route>
            <Route path="/products" component={Products} />
            <Route path="/products/new" component={NewProduct} />
            <Route path="/products/:id/edit">{({ id }) => <EditProduct key={id} id={id} />}</Route>
            <Route path="/products/:id">{({ id }) => <Product key={id} id={id} />}</Route>
            <Route path="/issuers">{() => <Issuers />}</Route>
            <Route path="/issuers/hierarchy">{() => <Issuers tree />}</Route>
            <Route path="/issuers/new" component={NewIssuer} />
            <Route path="/issuers/:id">{({ id }) => <Issuer key={id} id={id} />}</Route>
            <Route path="/import" component={Import} />
            <Route path="/tags" component={Tags} />
            <Route path="/audit" component={Audit} />
            <Route path="/jobs" component={Jobs} />
            <Route path="/setup" component={Setup} />
            <Route path="/jobs/:id">{({ id }) => <Job key={id} id={id} />}</Route>
            <Route path="/settings" component={Settings} />
            <Route path="/settings/agreements" component={Agreements} />
            <Route path="/settings/agreements/new" component={NewAgreement} />
            <Route path="/settings/agreements/:id">{({ id }) => <AgreementPage key={id} id={id} />}</Route>
            <Route path="/settings/providers" component={Providers} />
            <Route path="/settings/providers/new" component={NewProvider} />
            <Route path="/settings/providers/:id">{({ id }) => <ProviderPage key={id} id={id} />}</Route>
            <Route path="/me">{() => <Me />}</Route>
            <Route path="/me/tokens">{() => <Me tokens />}</Route>
            <Route>{() => <Nowhere title={text.state.notFound} />}</Route>
          </Switch>
        </Suspense>
      </Boundary>
    </Shell>
  )
}
