import { Anchor, Stack } from '@mantine/core'
import { Link, Route, Switch, useLocation } from 'wouter'
import { Certificate } from './pages/Certificate'
import { Certificates } from './pages/Certificates'
import { Order, Orders } from './pages/Orders'
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
          <Route path="/certificates" component={Certificates} />
          <Route path="/certificates/:id">{({ id }) => <Certificate key={id} id={id} />}</Route>
          <Route path="/orders" component={Orders} />
          <Route path="/orders/:id">{({ id }) => <Order key={id} id={id} />}</Route>
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
      <Anchor component={Link} href="/">
        {text.state.home}
      </Anchor>
    </Stack>
  )
}
