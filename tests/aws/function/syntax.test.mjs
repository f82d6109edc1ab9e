// The code uses nothing beyond the list of "JavaScript runtime 2.0 features" (Amazon CloudFront Developer Guide), and making it
// small changes names alone.
import assert from 'node:assert/strict';
import test from 'node:test';

import { parse } from '../../../browser/node_modules/acorn/dist/acorn.mjs';
import { render, source } from './site.mjs';

const tree = (code) => parse(code, { ecmaVersion: 8, sourceType: 'module' }).body;
const isNode = (value) => typeof value?.type === 'string';
const children = (node) => Object.values(node).flat().filter(isNode);

function* walk(node, ancestors = []) {
  yield [node, ancestors];
  for (const child of children(node)) yield* walk(child, [node, ...ancestors]);
}
const nodes = (code) => tree(code).flatMap((statement) => [...walk(statement)]);

const SYNTAX = new Set([
  'ArrayExpression', 'ArrowFunctionExpression', 'AssignmentExpression', 'AwaitExpression', 'BinaryExpression', 'BlockStatement', 'BreakStatement',
  'CallExpression', 'CatchClause', 'ConditionalExpression', 'ContinueStatement', 'ExpressionStatement', 'ForStatement', 'FunctionDeclaration',
  'Identifier', 'IfStatement', 'ImportDeclaration', 'ImportDefaultSpecifier', 'Literal', 'LogicalExpression', 'MemberExpression', 'ObjectExpression',
  'Property', 'ReturnStatement', 'ThrowStatement', 'TryStatement', 'UnaryExpression', 'UpdateExpression', 'VariableDeclaration', 'VariableDeclarator',
  'WhileStatement',
]);
const GLOBALS = new Set(['Buffer', 'Date', 'JSON', 'Math', 'Number', 'Object', 'console', 'decodeURIComponent', 'encodeURIComponent', 'isFinite', 'undefined']);
// Methods by the object that has them, where the object is a global; else of texts, lists, expressions and buffers.
const STATIC = new Set([
  'Buffer.byteLength', 'Buffer.from', 'Date.now', 'JSON.parse', 'JSON.stringify', 'Math.floor', 'Number.isSafeInteger', 'Object.assign', 'Object.keys',
  'console.log', 'crypto.createHmac', 'cf.kvs', 'store.get',
]);
const METHODS = new Set([
  'apply', 'codePointAt', 'concat', 'digest', 'equals', 'every', 'exec', 'filter', 'find', 'findIndex', 'forEach', 'includes', 'indexOf', 'join', 'map', 'push',
  'replace', 'slice', 'some', 'split', 'startsWith', 'test', 'toString', 'toUpperCase', 'update',
]);

test('syntax, globals and methods that the runtime has', () => {
  const all = nodes(source);
  const declared = new Set();
  for (const [node] of all) {
    for (const name of [node.id, node.param, node.local, ...(node.params ?? [])]) if (name) declared.add(name.name);
  }
  for (const [node, [parent]] of all) {
    assert.ok(SYNTAX.has(node.type), `${node.type} at ${node.start}`);
    if (node.type === 'Property') assert.ok(!node.shorthand && !node.computed && !node.method && node.kind === 'init', `a property at ${node.start}`);
    if (node.type === 'VariableDeclaration') assert.notEqual(node.kind, 'var');
    if (node.params) assert.ok(node.params.every((param) => param.type === 'Identifier'), `parameters at ${node.start}`);
    const isName = (parent?.type === 'MemberExpression' && parent.property === node && !parent.computed) || (parent?.type === 'Property' && parent.key === node);
    if (node.type === 'Identifier' && !isName) assert.ok(declared.has(node.name) || GLOBALS.has(node.name), `${node.name} at ${node.start}`);
    if (node.type === 'CallExpression' && node.callee.type === 'MemberExpression') {
      const { object, property } = node.callee;
      const called = `${object.name}.${property.name}`;
      assert.ok(STATIC.has(called) || METHODS.has(property.name), `${called} at ${node.start}`);
    }
  }
});

test('async functions as the runtime takes them', () => {
  for (const [node, ancestors] of nodes(source)) {
    const around = ancestors.find((ancestor) => /Function/.test(ancestor.type));
    if (node.async) assert.equal(node.type, 'FunctionDeclaration', 'an async function is declared');
    if (node.async) assert.equal(around, undefined, 'an async function is the module’s');
    if (/Function/.test(node.type)) assert.ok(!around?.async, 'a function in an async one');
    if (node.type === 'AwaitExpression') assert.ok(['VariableDeclarator', 'ReturnStatement'].includes(ancestors[0].type), 'await at ' + node.start);
  }
});

test('expressions that read no line end as an end, and take no time out of proportion', () => {
  for (const [node] of nodes(source)) {
    if (!node.regex) continue;
    assert.ok(!/[$^](?!\])/.test(node.regex.pattern.replace(/\[[^\]]*\]|\\./g, '')), node.regex.pattern);
    assert.ok(!/\([^()]*[*+][^()]*\)[*+]/.test(node.regex.pattern) || node.regex.pattern === '[a-z0-9]+(-[a-z0-9]+)*', node.regex.pattern);
  }
});

test('comments have lines to themselves', () => {
  parse(source, {
    ecmaVersion: 8,
    sourceType: 'module',
    onComment: (block, _, start) => {
      assert.ok(!block, 'a block comment');
      assert.match(source.slice(source.lastIndexOf('\n', start) + 1, start), /^ *$/);
    },
  });
});

// What is written in two ways: names, and declarations that stand together.
function apart(statements) {
  return statements.flatMap((statement) =>
    statement.type === 'VariableDeclaration' ? statement.declarations.map((one) => ({ ...statement, declarations: [one] })) : [statement],
  );
}

/** Throws where the trees differ by more than names, exchanged one for one: of the module, of each of its functions, of members. */
function assertSame(a, b, scope) {
  assert.equal(a?.type, b?.type);
  if (a.type === 'Identifier') return scope.pair(a.name, b.name);
  for (const member of Object.keys(a)) {
    const [x, y] = [a[member], b[member]];
    if (['start', 'end', 'raw', 'value', 'regex'].includes(member) && a.type !== 'Property') continue;
    if (['start', 'end'].includes(member)) continue;
    const isMember = (a.type === 'MemberExpression' && member === 'property' && !a.computed) || (a.type === 'Property' && member === 'key');
    if (Array.isArray(x)) {
      const [left, right] = member === 'body' ? [apart(x), apart(y)] : [x, y];
      assert.equal(left.length, right.length);
      left.forEach((one, at) => assertSame(one, right[at], inner(one, scope)));
    } else if (isNode(x)) {
      if (isMember && x.type === 'Identifier') scope.members(x.name, y.name);
      else assertSame(x, y, inner(x, scope));
    } else assert.deepEqual(x, y);
  }
  if (a.type === 'Literal') assert.equal(a.raw, b.raw);
}

const bijection = (there = new Map(), back = new Map()) => (x, y) => {
  assert.equal(there.get(x) ?? y, y, `${x} became ${there.get(x)} and ${y}`);
  assert.equal(back.get(y) ?? x, x, `${y} stands for ${back.get(y)} and ${x}`);
  there.set(x, y);
  back.set(y, x);
};

// A function of the module has names of its own: they are no name of the module, and no global.
function inner(node, scope) {
  if (node.type !== 'FunctionDeclaration' || scope.own) return scope;
  const own = new Set();
  for (const [inside] of walk(node)) {
    for (const name of [inside !== node && inside.id, inside.param, ...(inside.params ?? [])]) if (name) own.add(name.name);
  }
  const pair = bijection();
  const taken = new Set();
  return {
    ...scope,
    own,
    pair: (x, y) => {
      if (!own.has(x)) {
        taken.add(y);
        return scope.pair(x, y);
      }
      pair(x, y);
      assert.ok(!taken.has(y) && !scope.module.has(y), `${x} hides ${y}`);
    },
  };
}

/** Whether `small` is the source with a site's rules, but for names. The rules are of no matter: their names are short already. */
function assertMadeOf(small) {
  const [before, after] = [apart(tree(source)), apart(tree(small))];
  assert.equal(before.length, after.length);
  const names = after.map((statement) => (statement.id ?? statement.declarations?.[0].id ?? statement.specifiers[0].local).name);
  const scope = { module: new Set(names), pair: bijection(), members: bijection(), own: null };
  before.forEach((statement, at) => {
    if (statement.declarations?.[0].id.name === 'site') scope.pair('site', names[at]);
    else assertSame(statement, after[at], inner(statement, scope));
  });
}

test('made small, it is the same code', () => {
  const small = render();
  assertMadeOf(small);
  for (const [one, other] of [['<=', '<'], ['>24', '>25'], ['&&', '||'], ["'token_expired'", "'token_expire'"], ['await ', ''], ['++', '--'], ['[0-9]{4}', '[0-9]{3}']]) {
    assert.ok(small.includes(one), one);
    assert.throws(() => assertMadeOf(small.replace(one, other)), one);
  }
});
