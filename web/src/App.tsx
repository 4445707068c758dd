import { Anchor, Stack, Text } from '@mantine/core'
import { Link, Route, Switch, useLocation } from 'wouter'
import { ACME } from './pages/acme/ACME'
import { AgreementPage, Agreements, NewAgreement } from './pages/Agreements'
import { ACMEObject } from './pages/acme/Objects'
import { Certificate } from './pages/Certificate'
import { Certificates } from './pages/Certificates'
import { CredentialPage, Credentials } from './pages/Credentials'
import { Deployments } from './pages/Deployments'
import { Domain, Domains } from './pages/Domains'
import { Home } from './pages/Home'
import { Import } from './pages/Import'
import { NewIssuer } from './pages/IssuerForm'
import { Issuer, Issuers } from './pages/Issuers'
import { Job } from './pages/Job'
import { NewCredential } from './pages/NewCredential'
import { NewOrder } from './pages/NewOrder'
import { Order, Orders } from './pages/Orders'
import { RequestOrder } from './pages/order/RequestOrder'
import { OrganisationPage } from './pages/organisation/OrganisationPage'
import { GroupPage, Groups, Organisations, UserPage, Users } from './pages/People'
import { Product, Products } from './pages/Products'
import { Roles } from './pages/Roles'
import { Setup } from './pages/Setup'
import { Audit, Jobs, Me, Settings } from './pages/System'
import { EditProduct, NewProduct } from './pages/product/ProductForm'
import { NewProvider, ProviderPage, Providers } from './pages/providers/Providers'
import { Tags } from './pages/Tags'
import { VettingPage, Vettings } from './pages/Vettings'
import { Shell } from './shell/Shell'
import { text } from './text'
import { PageHead } from './ui/bits'
import { Boundary } from './ui/states'

/** The paths of the portal. The server answers for the same first segments (internal/portal, areas). */
export function App() {
  const [path] = useLocation()
  return (
    <Shell>
      <Boundary key={path}>
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
          <Route>
            <NotFound />
          </Route>
        </Switch>
      </Boundary>
    </Shell>
  )
}

function NotFound() {
  return (
    <Stack>
      <PageHead title={text.state.notFound} />
      <Text size="sm">{text.state.notFoundHint}</Text>
      <Anchor component={Link} href="/">
        {text.state.home}
      </Anchor>
    </Stack>
  )
}
