// An OpenID provider on a free port of loopback: oidc-provider with its stock pages, which take any password.
//
//   node provider.mjs '{"client": {"id": …, "secret": …, "redirects": […]}, "people": {"ada": {"groups": […]}}}'
//
// Prints its issuer when it listens. The claim "groups" comes with the scope of that name.
import http from 'node:http';
import { Provider } from 'oidc-provider';

const { client, people } = JSON.parse(process.argv[2]);
const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';
const server = http.createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: client.id,
      client_secret: client.secret,
      application_type: 'native',
      token_endpoint_auth_method: 'client_secret_post',
      redirect_uris: client.redirects,
      grant_types: ['authorization_code', DEVICE],
      response_types: ['code'],
    }],
    scopes: ['openid', 'groups'],
    claims: { openid: ['sub'], groups: ['groups'] },
    conformIdTokenClaims: false,
    features: { deviceFlow: { enabled: true }, devInteractions: { enabled: true } },
    cookies: { keys: ['of-tests'] },
    findAccount: (_, id) => people[id] && { accountId: id, claims: () => ({ sub: id, ...people[id] }) },
  });
  server.on('request', provider.callback());
  console.log(issuer);
});
