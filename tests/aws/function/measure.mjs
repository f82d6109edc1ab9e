// Figures: node measure.mjs. Bytes of code, and microseconds of a decision in Node.js (an indication: CloudFront's engine is another).
import { load } from '../../../crates/cloudfront/runtime/function.mjs';
import { bearer, event, render, site, store, token } from './site.mjs';

const ordinary = {
  ...site,
  issuers: [site.issuers[0]],
  routes: [
    {
      ...site.routes[0],
      path: '/{workspace:uuid}/{file:uuid}/{name...}',
      key: '{workspace}/{file}/{name}',
      allow: [
        { action: 'read', issuer: null, who: { claims: [['workspace', ['{workspace}']]] } },
        { action: 'read', issuer: null, who: { claims: [['members.{workspace}', ['owner', 'editor', 'reader']]] } },
      ],
    },
    { ...site.routes[1], any_origin: false },
  ],
};
const bare = { ...ordinary, apps: [], issuers: [], routes: [] };
const code = render(ordinary, ['main']);
console.log(`code: ${render(bare, ['main']).length} bytes without rules, ${code.length} for the ordinary site, 10240 are taken`);

const workspace = '11111111-1111-4111-8111-111111111111';
const uri = `/${workspace}/aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa/picture%20one.png`;
const text = token({ sub: 'ada', name: 'Ada', members: { [workspace]: 'owner', '22222222-2222-4222-8222-222222222222': 'reader' } });
const decide = load(code, store).resident();
for (const [name, asked] of [
  [`allowed by a token of ${text.length} bytes`, event(uri, { headers: bearer(text) })],
  ['refused without one', event(uri)],
  ['public', event('/public/logo.svg')],
]) {
  for (let i = 0; i < 3000; i++) await decide(asked);
  const start = process.hrtime.bigint();
  for (let i = 0; i < 10000; i++) await decide(asked);
  console.log(`${name}: ${(Number(process.hrtime.bigint() - start) / 10000 / 1000).toFixed(1)} µs`);
}
