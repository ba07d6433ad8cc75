// Okta's own client for browsers, unmodified, against a sandbox. It does what an app's page would do, and prints a line
// of JSON for each sign-in: {"name": ..., "seen": ...}. What ought to be seen is in test_auth_js.py.
// node auth_js.mjs SANDBOX_URL CLIENT_ID REDIRECT_URI AUTHORIZATION_SERVER ("" is the org's own)
import { OktaAuth } from '@okta/okta-auth-js';

const [url, clientId, redirectUri, server] = process.argv.slice(2);
const username = 'alice@acme.example';
const password = 'demo-okta-password';

// A client as a fresh browser has it: nothing is kept between two sign-ins.
function open(changes = {}) {
  const kept = new Map();
  const storageProvider = {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => kept.set(key, value),
    removeItem: (key) => kept.delete(key),
  };
  const places = ['token', 'transaction', 'idx-response', 'shared-transaction', 'original-uri', 'cache'];
  return new OktaAuth({
    issuer: server ? `${url}/oauth2/${server}` : url,
    clientId,
    redirectUri,
    scopes: ['openid', 'profile', 'email', 'offline_access'],
    idx: { enableLegacyMode: true }, // The client finds the form that what it is given belongs to.
    storageManager: Object.fromEntries(places.map((place) => [place, { storageProvider }])),
    ...changes,
  });
}

async function signIn() {
  const okta = open();
  const { tokens } = await okta.idx.authenticate({ username, password });
  okta.tokenManager.setTokens(tokens);
  return { okta, tokens };
}

// With a fault or a setting of the sandbox's page switched on.
async function during(name, act) {
  const flip = (on) => fetch(`${url}/sandbox/faults/${name}`, { method: 'PUT', body: JSON.stringify({ on }) });
  await flip(true);
  try {
    return await act();
  } finally {
    await flip(false);
  }
}

async function newestMail() {
  return (await (await fetch(`${url}/sandbox/mails`)).json()).at(-1);
}

const step = (transaction) => transaction.nextStep?.name;
const messages = (transaction) => (transaction.messages ?? []).map((message) => message.i18n.key);
const summary = (transaction) => ({ status: transaction.status, step: step(transaction), messages: messages(transaction) });

// What becomes of something that ought to fail: what is thrown, or how the transaction stands.
async function outcome(act) {
  try {
    const transaction = await act();
    return { ...summary(transaction), error: transaction.error?.errorCode ?? transaction.error?.error };
  } catch (error) {
    return { status: 'thrown', error: error.errorCode ?? error.name, says: error.errorSummary ?? error.message };
  }
}

const signIns = {
  async 'in one call'() {
    const { idToken, accessToken, refreshToken } = (await signIn()).tokens;
    const { email, amr, iss, aud } = idToken.claims;
    return { email, amr, iss, aud, access: accessToken.tokenType, scopes: refreshToken.scopes };
  },

  async 'a wrong password, then the right one'() {
    const okta = open();
    await okta.idx.start();
    const named = await okta.idx.proceed({ username });
    const wrong = await okta.idx.proceed({ password: 'wrong' });
    const right = await okta.idx.proceed({ password });
    return { named: step(named), wrong: summary(wrong), right: right.status };
  },

  async 'form by form, as the answers name them'() {
    const okta = open();
    await okta.idx.start();
    const named = await okta.idx.proceed({ step: 'identify', identifier: username });
    const right = await okta.idx.proceed({ step: 'challenge-authenticator', credentials: { passcode: password } });
    return { named: step(named), right: right.status };
  },

  'a code by e-mail': () => during('email_code_required', async () => {
    const okta = open();
    const asked = await okta.idx.authenticate({ username, password });
    const sent = await okta.idx.proceed({ authenticator: 'okta_email' });
    const first = await newestMail();
    const resent = await okta.idx.proceed({ resend: true });
    const second = await newestMail();
    const stale = await okta.idx.proceed({ verificationCode: first.code === second.code ? '000000' : first.code });
    const done = await okta.idx.proceed({ verificationCode: second.code });
    return {
      asked: step(asked), sent: step(sent), canResend: sent.nextStep.canResend, resent: resent.status,
      stale: summary(stale), done: done.status, amr: done.tokens?.idToken.claims.amr,
    };
  }),

  'the link from the e-mail': () => during('email_code_required', async () => {
    const okta = open();
    await okta.idx.authenticate({ username, password });
    await okta.idx.proceed({ authenticator: 'okta_email' });
    const back = new URL((await newestMail()).link);
    return { status: (await okta.idx.handleEmailVerifyCallback(back.search)).status };
  }),

  'an external identity provider': () => during('external_identity_provider', async () => {
    const okta = open();
    const started = await okta.idx.start();
    const { href, idp } = started.availableSteps.find(({ name }) => name === 'redirect-idp');
    const page = await (await fetch(href)).text();
    const form = { stateToken: /name="stateToken" value="([^"]+)"/.exec(page)[1], identifier: username, password };
    const back = await fetch(href.split('?')[0], { method: 'POST', redirect: 'manual', body: new URLSearchParams(form) });
    await okta.idx.handleInteractionCodeRedirect(back.headers.get('location'));
    const { claims } = (await okta.tokenManager.getTokens()).idToken;
    return { email: claims.email, through: claims.idp === idp.id };
  }),

  async 'renewed, then revoked'() {
    const { okta, tokens } = await signIn();
    const renewed = await okta.token.renewTokens();
    okta.tokenManager.setTokens(renewed);
    const askWho = () => okta.token.getUserInfo(renewed.accessToken, renewed.idToken);
    const { email } = await askWho();
    await okta.revokeAccessToken(renewed.accessToken);
    const access = await outcome(askWho);
    await okta.revokeRefreshToken(renewed.refreshToken);
    okta.tokenManager.setTokens(renewed);
    const refresh = await outcome(() => okta.token.renewTokens());
    return {
      email, sameAccess: renewed.accessToken.accessToken === tokens.accessToken.accessToken,
      sameRefresh: renewed.refreshToken.refreshToken === tokens.refreshToken.refreshToken,
      access: access.status, refresh: refresh.error,
    };
  },

  // In this flow the client does not compare the nonces itself.
  async 'the nonce that was sent'() {
    const okta = open();
    const { meta } = await okta.idx.start();
    await okta.idx.proceed({ username });
    const { tokens } = await okta.idx.proceed({ password });
    return { sent: meta.nonce, got: tokens.idToken.claims.nonce };
  },

  'an ID token with a wrong signature': () => during('bad_signature', () => outcome(signIn)),
  'an ID token for another client': () => during('wrong_audience', () => outcome(signIn)),
  'a person who is not known': () => outcome(() => open().idx.authenticate({ username: 'nobody@acme.example', password })),
  'a person who is not assigned': () => outcome(() => open().idx.authenticate({ username: 'ben@acme.example', password })),
  'a client that is not known': () => outcome(() => open({ clientId: '0oaNobody' }).idx.start()),
  'an app without the grant': () => during('app_without_interaction_code', () => outcome(() => open().idx.start())),
  'a rule without the grant': () => during('rule_without_interaction_code', () => outcome(() => open().idx.start())),

  async 'cancelled'() {
    const okta = open();
    await okta.idx.start();
    await okta.idx.proceed({ username });
    return { status: (await okta.idx.cancel()).status };
  },

  // The last: as at Okta, switching the feature off takes the grant from every app, and on again does not give it back.
  'the feature off': () => during('interaction_code_off', () => outcome(() => open().idx.start())),
};

for (const [name, act] of Object.entries(signIns)) {
  const seen = await act().catch((error) => ({ failed: `${error.name}: ${error.message}` }));
  console.log(JSON.stringify({ name, seen }));
}
process.exit(0); // The client's timers would go on.
