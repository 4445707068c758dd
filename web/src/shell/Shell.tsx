import { ActionIcon, Anchor, AppShell, Burger, Button, Group, Menu, NavLink, ScrollArea, Text, useComputedColorScheme, useMantineColorScheme } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useEffect, useRef, type ReactNode } from 'react'
import { Link, useLocation } from 'wouter'
import icon from '../icon.svg'
import { useSession } from '../lib/session'
import { text } from '../text'
import { Icon } from '../ui/Icon'
import { LiveMark } from './LiveMark'

const t = text.nav

interface Entry {
  to: string
  label: string
  needs?: string // the list that must be open to the person
  may?: string[] // one of these actions that the person must be able to do
  group?: string // heading before it
}

/** The navigation. What the person may not open is left out. */
const entries: Entry[] = [
  { to: '/', label: t.home },
  { to: '/certificates', label: t.certificates, needs: 'certificates' },
  { to: '/orders', label: t.orders, needs: 'orders' },
  { to: '/domains', label: t.domains, needs: 'domains' },
  { to: '/certificates/deployment-requests', label: text.deploy.nav, needs: 'deployment-requests' },
  { to: '/organisations', label: t.organisations, needs: 'organisations', group: t.manage },
  { to: '/organisations/vetting', label: t.vettings, needs: 'vettings' },
  { to: '/groups', label: t.groups, needs: 'groups' },
  { to: '/users', label: t.users, needs: 'users' },
  { to: '/tags', label: t.tags, needs: 'tags' },
  { to: '/import', label: t.import, may: ['certificate.import', 'user.manage', 'group.manage', 'organisation.manage', 'domain.manage'] },
  { to: '/integrations/apis', label: t.apis, needs: 'credentials', group: t.integrations },
  { to: '/integrations/acme', label: t.acme, needs: 'acme-accounts' },
  { to: '/products', label: t.products, needs: 'products', group: t.system },
  { to: '/issuers', label: t.issuers, needs: 'issuers' },
  { to: '/audit', label: t.audit, needs: 'audit' },
  { to: '/jobs', label: t.jobs, needs: 'jobs' },
  { to: '/settings', label: t.settings },
  { to: '/settings/providers', label: text.providers.title, needs: 'sign-in-providers' },
  { to: '/settings/agreements', label: text.agreements.title, needs: 'agreement-texts', may: ['settings.view', 'settings.manage'] },
]

/** Frame of every page: header, navigation, content. */
export function Shell({ children }: { children: ReactNode }) {
  const [opened, { toggle, close }] = useDisclosure(false)
  const [path] = useLocation()
  const session = useSession()
  const main = useRef<HTMLElement>(null)
  const first = useRef(true)
  // After a change of page whoever uses the keyboard or listens starts at its content.
  useEffect(() => {
    close()
    if (first.current) first.current = false
    else main.current?.focus({ preventScroll: true })
  }, [path, close])
  const shown = entries.filter((e) => (!e.needs || session.lists.has(e.needs)) && (!e.may || e.may.some((a) => session.can(a))))
  const longest = shown.filter((e) => (e.to === '/' ? path === '/' : path === e.to || path.startsWith(e.to + '/'))).sort((a, b) => b.to.length - a.to.length)[0]
  let heading: string | undefined
  return (
    <AppShell header={{ height: 48 }} navbar={{ width: 205, breakpoint: 'sm', collapsed: { mobile: !opened } }} padding="md">
      <AppShell.Header>
        <a href="#content" className="skip">
          {text.skip}
        </a>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="xs" wrap="nowrap">
            <Burger opened={opened} onClick={toggle} hiddenFrom="sm" size="sm" aria-label={text.header.menu} />
            <Anchor component={Link} href="/" underline="never" c="inherit">
              <Group gap={8} wrap="nowrap">
                <img src={icon} width={24} height={24} alt="" />
                <Text fw={700}>{text.product}</Text>
              </Group>
            </Anchor>
            <Text size="sm" c="dimmed" visibleFrom="sm">
              {session.me.account.name}
            </Text>
          </Group>
          <Group gap="xs" wrap="nowrap">
            <LiveMark />
            <Scheme />
            <Account />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" aria-label={t.label}>
        <ScrollArea type="auto">
          {shown.map((e) => {
            const head = e.group && e.group !== heading ? (heading = e.group) : undefined
            return (
              <div key={e.to}>
                {head && <div className="nav-group">{head}</div>}
                <NavLink component={Link} href={e.to} label={e.label} active={e === longest} aria-current={e === longest ? 'page' : undefined} py={5} />
              </div>
            )
          })}
        </ScrollArea>
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1} ref={main}>
        {children}
      </AppShell.Main>
    </AppShell>
  )
}

function Scheme() {
  const { setColorScheme } = useMantineColorScheme()
  const dark = useComputedColorScheme('light') === 'dark'
  const label = dark ? text.header.light : text.header.dark
  return (
    <ActionIcon variant="subtle" color="gray" aria-label={label} title={label} onClick={() => setColorScheme(dark ? 'light' : 'dark')}>
      <Icon name={dark ? 'sun' : 'moon'} size={18} />
    </ActionIcon>
  )
}

function Account() {
  const { me } = useSession()
  const [, navigate] = useLocation()
  // A page of the server's, which may go on to a sign-in provider.
  const form = useRef<HTMLFormElement>(null)
  return (
    <>
    <form ref={form} method="post" action="/signout" hidden />
    <Menu position="bottom-end" shadow="md">
      <Menu.Target>
        <Button variant="subtle" color="gray" size="compact-sm" leftSection={<Icon name="user" />} className="account" c="inherit" aria-label={`${text.header.account} ${me.login}`}>
          {me.login}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => navigate('/me')}>{text.header.me}</Menu.Item>
        <Menu.Item component="a" href="/security">
          {text.header.security}
        </Menu.Item>
        <Menu.Item component="a" href="/password">
          {text.header.password}
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item onClick={() => form.current?.submit()}>{text.header.signOut}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
    </>
  )
}
